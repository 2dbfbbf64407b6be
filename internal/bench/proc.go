package bench

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU times in /proc: USER_HZ is 100 on every architecture that Go runs on (proc(5)).
const tick = 10 * time.Millisecond

// process is what /proc/<pid>/stat says of one.
type process struct {
	pid, parent int
	cpu         time.Duration // its own and that of children it has waited for, in user and kernel mode
}

var errStat = errors.New("not a line of /proc/<pid>/stat")

// parseStat reads a line of /proc/<pid>/stat (proc(5)). The name, in brackets, may hold anything, brackets too.
func parseStat(line string) (process, error) {
	open, end := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if open < 0 || end < open {
		return process{}, errStat
	}
	fields := strings.Fields(line[end+1:]) // from the third on
	if len(fields) < 15 {
		return process{}, errStat
	}
	var p process
	var err error
	if p.pid, err = strconv.Atoi(strings.TrimSpace(line[:open])); err != nil {
		return process{}, errStat
	}
	if p.parent, err = strconv.Atoi(fields[1]); err != nil {
		return process{}, errStat
	}
	for _, text := range fields[11:15] { // utime, stime, cutime, cstime
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return process{}, errStat
		}
		p.cpu += time.Duration(n) * tick
	}
	return p, nil
}

// processes reads all of the machine's. Those that end meanwhile are left out.
func processes() ([]process, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, fmt.Errorf("list the processes: %w", err)
	}
	list := make([]process, 0, len(files))
	for _, file := range files {
		line, err := os.ReadFile(file) //nolint:gosec // of /proc
		if err != nil {
			continue
		}
		p, err := parseStat(string(line))
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		list = append(list, p)
	}
	return list, nil
}

// family is the CPU time of a process and, if they count, its children that run.
func family(list []process, pid int, children bool) time.Duration {
	var sum time.Duration
	for _, p := range list {
		if p.pid == pid || children && p.parent == pid {
			sum += p.cpu
		}
	}
	return sum
}

// parsePeak reads the most memory a process held, in bytes, from /proc/<pid>/status.
func parsePeak(status []byte) (int64, error) {
	for line := range bytes.Lines(status) {
		value, found := bytes.CutPrefix(line, []byte("VmHWM:"))
		if !found {
			continue
		}
		number, unit, _ := strings.Cut(strings.TrimSpace(string(value)), " ")
		kib, err := strconv.ParseInt(number, 10, 64)
		if err != nil || unit != "kB" {
			return 0, fmt.Errorf("read VmHWM: %q", value)
		}
		return kib << 10, nil
	}
	return 0, errors.New("read VmHWM: there is none")
}

// peak is the most memory a process held since resetPeak, in bytes.
func peak(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("read a process's memory: %w", err)
	}
	return parsePeak(status)
}

// resetPeak makes the present memory of a process its peak (proc(5), clear_refs).
func resetPeak(pid int) error {
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0o600); err != nil {
		return fmt.Errorf("reset a process's peak: %w", err)
	}
	return nil
}
