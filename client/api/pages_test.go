package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// caller answers by a function, and notes what it was asked.
type caller struct {
	asked  []string
	answer func(*Request) (string, error)
}

func (c *caller) Call(_ context.Context, r *Request) (*http.Response, error) {
	c.asked = append(c.asked, r.Path+"?"+r.Query.Encode())
	body, err := c.answer(r)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// TestIterators read all pages of a list, once each, beginning where they are told to.
func TestIterators(t *testing.T) {
	t.Parallel()
	c := &caller{answer: func(r *Request) (string, error) {
		if r.Query.Get("cursor") == "" {
			return `{"items":[{"id":"1"},{"id":"2"}],"next":"more"}`, nil
		}
		return `{"items":[{"id":"3"}]}`, nil
	}}
	client := &Client{Caller: c}
	list := client.Recipients(t.Context(), "a/b", ListRecipientsParams{State: "failed"})
	for range 2 { // ranging again begins again
		n := 0
		for _, err := range list {
			if n++; err != nil {
				t.Error(err)
			}
		}
		if n != 3 {
			t.Errorf("%d items", n)
		}
	}
	for range client.Topics(t.Context(), ListTopicsParams{Limit: 2, Cursor: "here"}) {
		break
	}
	const first, second = "/api/v1/publications/a%2Fb/recipients?limit=200&state=failed", "/api/v1/publications/a%2Fb/recipients?cursor=more&limit=200&state=failed"
	if want := []string{first, second, first, second, "/api/v1/topics?cursor=here&limit=2"}; !slices.Equal(c.asked, want) {
		t.Errorf("asked %q", c.asked)
	}
}

// TestIteratorsEndWithAnError after what came before it.
func TestIteratorsEndWithAnError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	c := &caller{}
	c.answer = func(*Request) (string, error) {
		if len(c.asked) > 1 {
			return "", broken
		}
		return `{"items":[{"id":"1"}],"next":"more"}`, nil
	}
	var errs []error
	for _, err := range (&Client{Caller: c}).Topics(t.Context(), ListTopicsParams{}) {
		errs = append(errs, err)
	}
	if len(errs) != 2 || errs[0] != nil || !errors.Is(errs[1], broken) {
		t.Errorf("%v", errs)
	}
}

// TestPages: whatever the pages are, every item comes once and in order, and no page is read that is not wanted.
func TestPages(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(0, 4), 1, 6).Draw(t, "pages")
		total, begins := 0, []int{}
		for _, n := range sizes {
			begins = append(begins, total)
			total += n
		}
		wanted, read := rapid.IntRange(1, total+2).Draw(t, "wanted"), 0
		list := pages("0", 0, func(cursor string, limit int) ([]int, string, error) {
			var at int
			if _, err := fmt.Sscan(cursor, &at); err != nil || limit != maxPage {
				return nil, "", fmt.Errorf("%q, %d: %w", cursor, limit, err)
			}
			read++
			var items []int
			for i := range sizes[at] {
				items = append(items, begins[at]+i)
			}
			if at+1 == len(sizes) {
				return items, "", nil
			}
			return items, fmt.Sprint(at + 1), nil
		})
		var got []int
		for item, err := range list {
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, item); len(got) == wanted {
				break
			}
		}
		pages, enough := 0, 0 // as few as there are enough items on
		for pages < len(sizes) && (enough < wanted || pages == 0) {
			enough += sizes[pages]
			pages++
		}
		if len(got) != min(wanted, total) || read != pages {
			t.Fatalf("%d of %d items in %d pages, want %d", len(got), total, read, pages)
		}
		for i, item := range got {
			if i != item {
				t.Fatalf("%v", got)
			}
		}
	})
}

// TestParameters that are zero are not asked for, and times are as RFC 3339 has them.
func TestParameters(t *testing.T) {
	t.Parallel()
	c := &caller{answer: func(*Request) (string, error) { return `{"items":[]}`, nil }}
	client := &Client{Caller: c}
	at := time.Date(2030, 1, 31, 9, 0, 0, 5e8, time.FixedZone("", 3600))
	if _, err := client.ListUncertain(t.Context(), ListUncertainParams{Channel: ChannelKindSlack, Before: at}); err != nil {
		t.Error(err)
	}
	if _, err := client.ListTopics(t.Context(), ListTopicsParams{}); err != nil {
		t.Error(err)
	}
	if want := []string{"/api/v1/uncertain?before=2030-01-31T09%3A00%3A00.5%2B01%3A00&channel=slack", "/api/v1/topics?"}; !slices.Equal(c.asked, want) {
		t.Errorf("asked %q", c.asked)
	}
}

// TestAnswersThatCannotBeRead are errors that name the operation.
func TestAnswersThatCannotBeRead(t *testing.T) {
	t.Parallel()
	c := &caller{answer: func(*Request) (string, error) { return `{"items":7}`, nil }}
	if _, err := (&Client{Caller: c}).ListTopics(t.Context(), ListTopicsParams{}); err == nil || !strings.Contains(err.Error(), "listTopics: read the answer") {
		t.Errorf("%v", err)
	}
}

// TestFinal says which states nothing leaves.
func TestFinal(t *testing.T) {
	t.Parallel()
	p := Progress{State: PublicationStateSending, Channels: []Counts{{Channel: ChannelKindSeenEmail, Sent: 2, Failed: 1}}}
	if p.State.Final() || p.Channel(ChannelKindSeenEmail).Settled() != 3 || p.Channel(ChannelKindSeenSlack).Total != 0 {
		t.Errorf("%+v", p)
	}
	if !PublicationStateCompletedWithFailures.Final() || !ReplayStateStopped.Final() || ReplayStateSettling.Final() {
		t.Error("which states are final")
	}
}
