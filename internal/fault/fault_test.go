package fault

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"
)

func TestKindAndCode(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err  error
		kind Kind
		code string
	}{
		{errors.New("x"), Internal, "internal"},
		{New(NotFound, "no_such", ""), NotFound, "no_such"},
		{fmt.Errorf("read it: %w", WaitFor(time.Second, "throttled", io.EOF)), Wait, "throttled"},
		{Wrap(New(Retry, "inner", ""), GiveUp, "outer"), GiveUp, "outer"},
	} {
		if KindOf(tc.err) != tc.kind || CodeOf(tc.err) != tc.code || !Is(tc.err, tc.kind) {
			t.Errorf("%v is %s, %s", tc.err, KindOf(tc.err), CodeOf(tc.err))
		}
	}
	if Is(nil, Internal) || Wrap(nil, GiveUp, "x") != nil {
		t.Error("nil is an error")
	}
	if !errors.Is(WaitFor(0, "x", io.EOF), io.EOF) {
		t.Error("the cause is lost")
	}
}

func TestEveryKindHasAName(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for k := Internal; k <= Unavailable; k++ {
		if name := k.String(); name == "" || seen[name] {
			t.Errorf("kind %d is called %q", k, name)
		} else {
			seen[name] = true
		}
	}
	if Kind(200).String() != "kind(200)" {
		t.Error(Kind(200).String())
	}
}

func TestFields(t *testing.T) {
	t.Parallel()
	var fields Fields
	if fields.Err() != nil {
		t.Error("no field is an error")
	}
	if got := Token("a/b~c"); got != "a~1b~0c" {
		t.Error(got)
	}
	fields.Add("/subscribers/3/email", "format", "%q is no address", "x")
	fields.Add("/title", "required", "is required")
	list := fields.List()
	if len(list) != 2 || list[0].Pointer != "/subscribers/3/email" || !Is(fields.Err(), Invalid) {
		t.Errorf("%+v", list)
	}
	if got := fields.Err().Error(); got != `invalid_input: The input has errors.; /subscribers/3/email "x" is no address; /title is required` {
		t.Error(got)
	}
}
