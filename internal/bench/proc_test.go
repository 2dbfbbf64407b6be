package bench

import (
	"os"
	"strings"
	"testing"
	"time"
)

const statTail = " S 17 40 40 0 -1 4194560 900 50 0 0 150 25 4 1 20 0 8 0 12345 1000000 2000 18446744073709551615\n"

func TestParseStat(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		line string
		want process
	}{
		{"42 (postgres)" + statTail, process{42, 17, 1800 * time.Millisecond}},
		{"42 (a ) b (c) 1 2)" + statTail, process{42, 17, 1800 * time.Millisecond}},
		{"42 ()" + statTail, process{42, 17, 1800 * time.Millisecond}},
	} {
		got, err := parseStat(tc.line)
		if err != nil || got != tc.want {
			t.Errorf("%q: %+v, %v", tc.line, got, err)
		}
	}
	for _, bad := range []string{"", "42", "42 postgres S 17", ")(", "42 (x) S 17", "x (y)" + statTail,
		"42 (x)" + strings.Replace(statTail, "17", "?", 1), "42 (x)" + strings.Replace(statTail, "150", "-", 1)} {
		if got, err := parseStat(bad); err == nil {
			t.Errorf("%q was read as %+v", bad, got)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add("42 (postgres)" + statTail)
	f.Add("1 (a) b) S 0")
	f.Fuzz(func(_ *testing.T, line string) { _, _ = parseStat(line) })
}

func TestFamily(t *testing.T) {
	t.Parallel()
	list := []process{{1, 0, time.Second}, {2, 1, 2 * time.Second}, {3, 1, 4 * time.Second}, {4, 2, 8 * time.Second}}
	for pid, want := range map[int][2]time.Duration{
		1: {time.Second, 7 * time.Second}, 2: {2 * time.Second, 10 * time.Second}, 4: {8 * time.Second, 8 * time.Second}, 9: {0, 0},
	} {
		if alone, all := family(list, pid, false), family(list, pid, true); alone != want[0] || all != want[1] {
			t.Errorf("process %d: %v alone, %v with its children", pid, alone, all)
		}
	}
}

func TestParsePeak(t *testing.T) {
	t.Parallel()
	got, err := parsePeak([]byte("Name:\tpresswork\nVmPeak:\t  900 kB\nVmHWM:\t  123 kB\nVmRSS:\t 100 kB\n"))
	if err != nil || got != 123<<10 {
		t.Errorf("%d, %v", got, err)
	}
	for _, bad := range []string{"", "VmPeak: 1 kB", "VmHWM:\n", "VmHWM: 1 MB\n", "VmHWM: x kB\n"} {
		if got, err := parsePeak([]byte(bad)); err == nil {
			t.Errorf("%q was read as %d", bad, got)
		}
	}
}

// This process is in the list, has used some time and holds some memory.
func TestOurselves(t *testing.T) {
	t.Parallel()
	if !measurable() {
		return // no /proc: nothing is measured there
	}
	list, err := processes()
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, p := range list {
		found = found || p.pid == os.Getpid() && p.parent == os.Getppid()
	}
	if !found {
		t.Error("this process is not in the list")
	}
	if err := resetPeak(os.Getpid()); err != nil {
		t.Error(err)
	}
	if most, err := peak(os.Getpid()); err != nil || most < 1<<20 {
		t.Errorf("peak %d, %v", most, err)
	}
	const nobody = 1 << 30 // above the kernel's largest process id
	if _, err := peak(nobody); err == nil {
		t.Error("a process that is not there has a peak")
	}
	if err := resetPeak(nobody); err == nil {
		t.Error("the peak of a process that is not there was reset")
	}
}
