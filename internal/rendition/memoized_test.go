package rendition_test

import (
	"fmt"
	"testing"

	"github.com/presswork/presswork/internal/rendition"
)

func TestPrepareWithMemoIsTheSame(t *testing.T) {
	t.Parallel()
	in := input(t, "newsletter")
	want, err := rendition.Prepare(in)
	if err != nil {
		t.Fatal(err)
	}
	in.Memo = rendition.NewMemo()
	for range 2 {
		got, err := rendition.Prepare(in)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v\n%+v\n%+v", err, got, want)
		}
	}
}
