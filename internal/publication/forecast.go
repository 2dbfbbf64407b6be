package publication

import (
	"maps"
	"time"

	"github.com/presswork/presswork/tasks"
)

// MaxRanges is into how many ranges of ids an audience of LargeAudience or more is split, to be expanded at once.
const MaxRanges = 4

// Census is who a publication would reach if it began now.
type Census struct {
	// Ranges is how many would get a row in each range of ids, for an audience that is large; an other's is their sum.
	Ranges [MaxRanges]int64
	// Suppressed of them would not be sent to, by reason.
	Suppressed map[string]int64
	// Left is who is not in the audience, by reason. Of an audience that names its readers only those are looked at.
	Left map[string]int64
	// Unwanted is how many of the others do not want a kind of channel, and Deferred how many would be sent to later, by reason; both
	// by name of the kind.
	Unwanted map[string]int64
	Deferred map[string]map[string]int64
	// Targets is how many places of each kind would get it, Off how many are switched off; by name of the kind.
	Targets, Off map[string]int64
	// BatchSize is how many recipients one send task has.
	BatchSize int64
}

// Readers is how many subscribers would get a row on each personal channel.
func (c Census) Readers() int64 {
	var n int64
	for _, part := range c.Ranges {
		n += part
	}
	return n
}

// Forecast is what a publication would do if it began now.
type Forecast struct {
	// State is what it would be accepted as.
	State    State
	Lane     tasks.Lane
	Channels []ChannelForecast
	// Tasks is how many tasks there would be in each queue, of those that do the work: a nudge that finds it done is none.
	Tasks map[string]int64
	// Took is how long it takes at the current rates until it is sent to all who need not wait, if all that is owed already in its lane and in more
	// urgent ones goes first; nil where a rate is not known.
	Took *time.Duration
}

// Speed is how fast a kind of channel sends.
type Speed struct {
	PerSecond float64
	// Ahead is how many messages would go before those of a new publication, by its lane.
	Ahead map[tasks.Lane]float64
}

// ChannelForecast is the part of one channel.
type ChannelForecast struct {
	Channel string
	// Recipients would get a row in the ledger: the total of its progress. Eligible of them would be sent to.
	Recipients, Eligible int64
	// Deferred is who of the eligible would have to wait, by reason, which is a delivery.Reason.
	Deferred map[string]int64
	// Excluded is who would not, by reason: a delivery.Reason of a recipient, a delivery.Absence of somebody who is none.
	Excluded map[string]int64
	// Batches is how many send tasks there would be, if nothing is tried again.
	Batches int64
}

// Foresee says what a submission would do, by a census and by how fast each kind of channel sends; what is not known is absent.
func Foresee(s Submission, c Census, speeds map[string]Speed) Forecast {
	state := Accepted{ScheduledAt: s.ScheduledAt, Draft: s.Draft || s.Review}.State()
	f := Forecast{State: state, Lane: LaneOf(s.Priority, -1), Tasks: map[string]int64{}}
	if s.Personal() {
		f.Lane = LaneOf(s.Priority, int(c.Readers()))
		f.count(tasks.Personalize{}.Queue(f.Lane), c.steps(f.Lane))
	}
	f.count(tasks.Render{}.Queue(s.Lane), 1) // the lane before the audience was counted
	longest, known := time.Duration(0), true
	for _, channel := range s.Channels {
		part := c.of(channel)
		f.Channels = append(f.Channels, part)
		if args, err := tasks.NewSend(channel.Name, 0, 0); err == nil {
			f.count(args.Queue(f.Lane), part.Batches)
		}
		took, ok := speeds[channel.Name].duration(part.Recipients-part.waiting(), f.Lane, s.RatePerMinute)
		longest, known = max(longest, took), known && ok
	}
	if known {
		f.Took = &longest
	}
	return f
}

// waiting is how many would have to wait.
func (p ChannelForecast) waiting() int64 {
	var n int64
	for _, some := range p.Deferred {
		n += some
	}
	return n
}

func (f *Forecast) count(queue string, n int64) {
	if n > 0 {
		f.Tasks[queue] += n
	}
}

// of is the part of one channel.
func (c Census) of(channel Channel) ChannelForecast {
	part := ChannelForecast{Channel: channel.Name, Excluded: map[string]int64{}, Deferred: map[string]int64{}}
	if !channel.Personal {
		part.Recipients = c.Targets[channel.Name]
		part.Eligible, part.Batches = part.Recipients, part.Recipients
		if off := c.Off[channel.Name]; off > 0 {
			part.Excluded["not_enabled"] = off
		}
		return part
	}
	part.Recipients = c.Readers()
	part.Eligible = part.Recipients
	for reason, n := range c.Suppressed {
		part.Excluded[reason] = n
		part.Eligible -= n
	}
	for reason, n := range c.Left {
		part.Excluded[reason] = n
	}
	if n := c.Unwanted[channel.Name]; n > 0 {
		part.Excluded["channel_off_by_reader"] = n
		part.Eligible -= n
	}
	maps.Copy(part.Deferred, c.Deferred[channel.Name])
	for _, n := range c.ranges() {
		part.Batches += n / PageSize * parts(PageSize, c.BatchSize)
		part.Batches += parts(n%PageSize, c.BatchSize)
	}
	return part
}

// ranges is how fan-out would split the audience.
func (c Census) ranges() []int64 {
	if n := c.Readers(); n < LargeAudience {
		return []int64{n}
	}
	return c.Ranges[:]
}

// steps is how many tasks expand the audience: one for each page, and of each range a last one that is not full. The render
// task itself expands up to SmallAudience, and the first page of what is not bulk.
func (c Census) steps(lane tasks.Lane) int64 {
	if c.Readers() <= SmallAudience {
		return 0
	}
	var n int64
	if lane != tasks.LaneBulk {
		n--
	}
	for _, readers := range c.ranges() {
		n += readers/PageSize + 1
	}
	return n
}

func parts(n, size int64) int64 { return (n + size - 1) / size }

// duration is how long n messages of a lane take, at most so many a minute if that is not 0, after those that go first.
func (s Speed) duration(n int64, lane tasks.Lane, perMinute int) (time.Duration, bool) {
	own := s.PerSecond
	if perMinute > 0 && (own <= 0 || own > float64(perMinute)/60) {
		own = float64(perMinute) / 60
	}
	if n == 0 {
		return 0, true
	}
	seconds := float64(n) / own
	if s.PerSecond > 0 {
		seconds += s.Ahead[lane] / s.PerSecond
	}
	const longest = 365 * 24 * time.Hour
	if own <= 0 || seconds > longest.Seconds() {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}
