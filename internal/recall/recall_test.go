package recall

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
	"github.com/presswork/presswork/internal/testkit/redistest"
)

func TestMain(m *testing.M) { redistest.Main(m) }

// process is a Preferences as one process has it, which does not give Redis up because the machine is busy.
func process(client redis.UniversalClient) *Preferences {
	p := New(client, time.Hour)
	p.patience = time.Minute
	return p
}

// record is a reader in the record. Its preferences say of which version they are.
type record struct {
	mu   sync.Mutex
	now  subscriber.Preferences
	read int
}

func newRecord() *record {
	return &record{now: subscriber.Preferences{UID: ident.New(), Status: subscriber.Active, Version: 1, Language: "en",
		Quiet: &subscriber.Quiet{From: 1, To: 2}, Topics: []string{}, ChannelsOff: []int16{2}}}
}

func (r *record) version() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now.Version
}

// change is acknowledged by the new version.
func (r *record) change() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now.Version++
	q := subscriber.Quiet{From: int16(r.now.Version % 1000), To: 1439}
	r.now.Quiet = &q
	return r.now.Version
}

func (r *record) get(context.Context) (subscriber.Preferences, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read++
	return r.now, nil
}

func (r *record) ask(t *testing.T, p *Preferences) subscriber.Preferences {
	t.Helper()
	got, err := p.Preferences(t.Context(), r.now.UID, r.version(), r.get)
	if err != nil {
		t.Error(err)
	}
	return got
}

// TestRemembered: what one process has read the other does not read again, until it changes.
func TestRemembered(t *testing.T) {
	t.Parallel()
	client := redistest.Client(t)
	one, two, r := process(client), process(client), newRecord()
	until := time.Date(2030, 1, 31, 9, 0, 0, 123456000, time.UTC)
	r.now.PausedUntil = &until
	r.ask(t, one)
	got := r.ask(t, two)
	if len((subscriber.PreferencesChange{Before: got, After: r.now}).Fields()) != 0 || got.UID != r.now.UID || got.Status != r.now.Status || got.Version != 1 {
		t.Errorf("remembered %+v of %+v", got, r.now)
	}
	if r.read != 1 || one.Counts() != (Counts{Misses: 1}) || two.Counts() != (Counts{Hits: 1}) {
		t.Errorf("read %d times: %+v, %+v", r.read, one.Counts(), two.Counts())
	}
	r.change()
	if got := r.ask(t, two); got.Version != 2 || r.read != 2 {
		t.Errorf("after a change version %d, read %d times", got.Version, r.read)
	}
	life := client.PTTL(t.Context(), two.key+r.now.UID.String()).Val()
	if life <= 0 || life > time.Hour {
		t.Errorf("remembered for %s", life)
	}
	other := newRecord()
	if got := other.ask(t, one); got.UID != other.now.UID {
		t.Errorf("somebody else's: %+v", got)
	}
}

// TestLateReaderChangesNothing: one that read before a change, and remembers it after the change was remembered.
func TestLateReaderChangesNothing(t *testing.T) {
	t.Parallel()
	client := redistest.Client(t)
	slow, fast, r := process(client), process(client), newRecord()
	has, goOn := make(chan struct{}), make(chan struct{})
	var late sync.WaitGroup
	late.Go(func() {
		_, err := slow.Preferences(t.Context(), r.now.UID, 1, func(ctx context.Context) (subscriber.Preferences, error) {
			old, err := r.get(ctx)
			close(has)
			<-goOn
			return old, err
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-has
	r.change()
	r.ask(t, fast)
	close(goOn)
	late.Wait()
	if got := r.ask(t, slow); got.Version != 2 || got.Quiet.From != 2 || slow.Counts().Hits != 1 {
		t.Errorf("after a late reader: %+v, %+v", got, slow.Counts())
	}
	// Even where it comes alone, it is not an answer.
	slow.set(t.Context(), r.now.UID, 2, "{}", time.Hour)
	r.change()
	if got := r.ask(t, fast); got.Version != 3 || got.Quiet.From != 3 {
		t.Errorf("what is old was answered: %+v", got)
	}
}

// TestNothingOlder: several write and read by processes of their own; after a change is acknowledged, nobody is answered by
// anything older, and each answer is whole.
func TestNothingOlder(t *testing.T) {
	t.Parallel()
	client := redistest.Client(t)
	r := newRecord()
	var all sync.WaitGroup
	var hits [4]Counts
	for i := range hits {
		all.Go(func() {
			p, chance := process(client), rand.New(rand.NewPCG(1, uint64(i)))
			for range 500 {
				acknowledged := r.version()
				if chance.IntN(8) == 0 {
					acknowledged = r.change()
				}
				got := r.ask(t, p)
				if got.Version < acknowledged || got.Version > 1 && int(got.Quiet.From) != got.Version%1000 {
					t.Errorf("after version %d: %+v with %+v", acknowledged, got, *got.Quiet)
				}
			}
			hits[i] = p.Counts()
		})
	}
	all.Wait()
	for i, c := range hits {
		if c.Hits == 0 || c.Hits+c.Misses != 500 {
			t.Errorf("process %d: %+v", i, c)
		}
	}
}

// TestForgotten: nothing of them is left, not by who had read them before either.
func TestForgotten(t *testing.T) {
	t.Parallel()
	client := redistest.Client(t)
	p, r := process(client), newRecord()
	r.ask(t, p)
	late, _ := r.get(t.Context())
	p.Forget(t.Context(), late.UID)
	p.keep(t.Context(), late)
	for _, key := range client.Keys(t.Context(), "*").Val() {
		if text := client.Get(t.Context(), key).Val(); strings.Contains(text, "{") {
			t.Errorf("%s has %s", key, text)
		}
	}
	if got := r.ask(t, p); got.Version != 1 || p.Counts().Hits != 0 {
		t.Errorf("answered by what is forgotten: %+v, %+v", got, p.Counts())
	}
}

// TestOtherWords: what somebody else wrote there, or another build, is read anew.
func TestOtherWords(t *testing.T) {
	t.Parallel()
	client := redistest.Client(t)
	p, r := process(client), newRecord()
	for _, words := range []string{"", "1", "1 ", "1 {", "x {}", " {}", "1 []", "99999999999999999999 {}"} {
		if err := client.Set(t.Context(), p.key+r.now.UID.String(), words, 0).Err(); err != nil {
			t.Fatal(err)
		}
		if got := r.ask(t, p); got.Language != "en" {
			t.Errorf("%q was answered: %+v", words, got)
		}
	}
	if p.Counts().Hits != 0 || p.Counts().Away != 0 {
		t.Errorf("%+v", p.Counts())
	}
}

// gone is a client whose calls fail, and are counted, while it is away.
type gone struct {
	away  bool
	calls int
}

func (g *gone) DialHook(next redis.DialHook) redis.DialHook { return next }

func (g *gone) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(_ context.Context, cmd redis.Cmder) error {
		g.calls++
		err := redis.Nil
		if g.away {
			cmd.SetErr(errors.New("away"))
			return errors.New("away")
		}
		if cmd.Name() == "get" {
			cmd.SetErr(err)
			return err
		}
		return nil
	}
}

func (g *gone) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// TestAway: with Redis away everything is read, it is asked once a second, and again as before once it is back.
func TestAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &gone{away: true}
		client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
		defer func() { _ = client.Close() }()
		client.AddHook(g)
		p, r := New(client, time.Hour), newRecord()
		for range 10 {
			r.ask(t, p)
		}
		if g.calls != 1 || p.Counts() != (Counts{Away: 10}) {
			t.Errorf("%d calls, %+v", g.calls, p.Counts())
		}
		<-time.After(awayTime)
		for range 10 {
			r.ask(t, p)
		}
		if g.calls != 2 || p.Counts() != (Counts{Away: 20}) {
			t.Errorf("after a second: %d calls, %+v", g.calls, p.Counts())
		}
		p.Forget(t.Context(), r.now.UID)
		g.away = false
		<-time.After(awayTime)
		r.ask(t, p)
		r.ask(t, p)
		if p.Counts() != (Counts{Away: 20, Misses: 2}) || g.calls != 6 {
			t.Errorf("when it is back: %d calls, %+v", g.calls, p.Counts())
		}
	})
}

// TestErrorsPass: what cannot be read is not remembered.
func TestErrorsPass(t *testing.T) {
	t.Parallel()
	p, r := process(redistest.Client(t)), newRecord()
	broken := errors.New("broken")
	if _, err := p.Preferences(t.Context(), r.now.UID, 1, func(context.Context) (subscriber.Preferences, error) {
		return subscriber.Preferences{}, broken
	}); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	if got := r.ask(t, p); got.Version != 1 || p.Counts() != (Counts{Misses: 2}) {
		t.Errorf("%+v, %+v", got, p.Counts())
	}
}
