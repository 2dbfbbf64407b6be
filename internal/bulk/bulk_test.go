package bulk

import (
	"errors"
	"testing"
)

func TestFailed(t *testing.T) {
	t.Parallel()
	failed := Outcome{Err: errors.New("taken")}
	for want, outcomes := range [][]Outcome{nil, {{}, failed}, {failed, {}, failed}} {
		if got := Failed(outcomes); got != want {
			t.Errorf("%d of %d, want %d", got, len(outcomes), want)
		}
	}
}
