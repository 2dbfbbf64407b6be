package subscriber

import (
	"errors"
	"testing"

	"github.com/presswork/presswork/internal/bulk"
	"github.com/presswork/presswork/internal/ident"
)

func TestApart(t *testing.T) {
	t.Parallel()
	ann, bob, nobody := ident.New(), ident.New(), ident.New()
	before := map[ident.UID]Subscriber{ann: {Email: "ann"}, bob: {Email: "bob"}}
	add := func(email string) Item { return Item{Action: bulk.Create, Email: email} }
	put := func(uid ident.UID, email string) Item { return Item{Action: bulk.Update, UID: uid, Email: email} }
	remove := func(uid ident.UID) Item { return Item{Action: bulk.Delete, UID: uid} }
	for name, c := range map[string]struct {
		items []Item
		want  bool
	}{
		"nothing":                      {nil, true},
		"others":                       {[]Item{add("cid"), put(ann, "ann"), remove(bob)}, true},
		"twice made":                   {[]Item{add("cid"), add("cid")}, false},
		"twice changed":                {[]Item{put(ann, "ann"), put(ann, "ann")}, false},
		"changed and deleted":          {[]Item{put(ann, "x"), remove(ann)}, false},
		"made of who leaves":           {[]Item{remove(ann), add("ann")}, false},
		"to where somebody moves away": {[]Item{put(ann, "x"), put(bob, "ann")}, false},
		"both to one":                  {[]Item{put(ann, "x"), put(bob, "x")}, false},
		"nobody, twice":                {[]Item{remove(nobody), remove(nobody)}, false},
		"what is not done":             {[]Item{add("cid"), {Err: errors.New("no"), Action: bulk.Create, Email: "cid"}}, true},
	} {
		if got := Apart(c.items, before); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
