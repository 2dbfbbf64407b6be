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
	var inner, outer Fields
	if outer.Err() != nil {
		t.Error("no field is an error")
	}
	inner.Add("/email", "format", "%q is no address", "x")
	if !outer.Merge("/subscribers/3", fmt.Errorf("check: %w", inner.Err())) {
		t.Error("not merged")
	}
	if outer.Merge("", io.EOF) {
		t.Error("another error was merged")
	}
	outer.Add("/title", "required", "is required")
	list := outer.List()
	if len(list) != 2 || list[0].Pointer != "/subscribers/3/email" || !Is(outer.Err(), Invalid) {
		t.Errorf("%+v", list)
	}
	if got := outer.Err().Error(); got != `invalid_input: The input has errors.; /subscribers/3/email "x" is no address; /title is required` {
		t.Error(got)
	}
}
