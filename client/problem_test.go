package client

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/client/api"
)

func TestProblem(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("RateLimit", `"key";r=0;t=9`)
		write(t, w, http.StatusUnprocessableEntity, `{"type":"/problems/invalid_input","title":"Invalid","detail":"The input has errors.",
			"correlation_id":"c","errors":[{"pointer":"/title","code":"required","detail":"is required"}]}`)
	})
	_, err := c.Publish(t.Context(), api.PublicationInput{})
	p := problemOf(t, err)
	if p.Status != 422 || p.Code() != "invalid_input" || p.CorrelationID != "c" || p.Attempts != 1 || p.Limits[0].Remaining != 0 ||
		err.Error() != "POST /api/v1/publications: 422 Invalid: The input has errors.; /title is required" {
		t.Errorf("%v, %+v", err, p)
	}
}

// TestProblemsHaveMore than all have: what an import would have done.
func TestProblemsHaveMore(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		write(t, w, http.StatusUnprocessableEntity, `{"type":"/problems/invalid_lines","lines":3,"created":2,"errors":[{"line":4,"column":"email","detail":"is odd"}]}`)
	})
	_, err := c.ImportSubscribers(t.Context(), api.ImportSubscribersParams{}, strings.NewReader("email\n"))
	var more api.ImportProblem
	if p := problemOf(t, err); p.Into(&more) != nil || more.Lines != 3 || more.Created != 2 || len(more.Errors) != 1 || p.Errors[0].Line != 4 {
		t.Errorf("%+v, %v", more, err)
	}
	if err := new(Problem).Into(&more); err == nil {
		t.Error("nothing was read")
	}
}

// TestProblemsOfManyFields name the first five, and lines of an import by their numbers.
func TestProblemsOfManyFields(t *testing.T) {
	t.Parallel()
	p := Problem{Status: 422, Title: "T", Errors: []Field{{Line: 2, Column: "email", Detail: "is odd"}, {Pointer: "/a", Detail: "b"}, {}, {}, {}, {}, {}}}
	if got := p.Error(); got != "422 T; line 2 email is odd; /a b;  ;  ;  ; and 2 more" {
		t.Errorf("%q", got)
	}
}

// TestProblemThatIsNoJSON is of something between here and the API; it is not read to its end.
func TestProblemThatIsNoJSON(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		_, _ = w.Write([]byte(`"` + strings.Repeat("x", 2*maxProblem))) // nobody reads all of it
	}, WithoutRetries())
	_, err := c.GetProgress(t.Context(), "x")
	if p := problemOf(t, err); p.Status != 502 || p.Title != "Bad Gateway" || p.Code() != "" {
		t.Errorf("%v", err)
	}
}

func TestPassing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want bool
	}{
		{errors.New("connection refused"), true}, {&Problem{Status: 429}, true}, {&Problem{Status: 503}, true},
		{&Problem{Status: 404}, false}, {&Problem{Status: 422}, false},
	} {
		if got := Passing(c.err); got != c.want {
			t.Errorf("%v: %v", c.err, got)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"": 0, "7": 7 * time.Second, "-7": 0, "soon": 0, "99999999999999999999": 0,
		"Mon, 02 Jan 2006 15:04:05 GMT": 0} {
		if got := retryAfter(http.Header{"Retry-After": {text}}); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	later := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	if got := retryAfter(http.Header{"Retry-After": {later}}); got <= 0 || got > time.Hour {
		t.Errorf("%s: %v", later, got)
	}
}
