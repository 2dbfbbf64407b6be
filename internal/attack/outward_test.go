package attack

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"code.dny.dev/ssrf"

	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/provider/attempt"
)

// inside is a server that nobody may reach, on every loopback address of this machine.
type inside struct {
	port    string
	reached atomic.Int64
}

// insideWord is what stands inside.
const insideWord = "what nobody outside may know"

func newInside(t *testing.T) *inside {
	t.Helper()
	in := &inside{}
	in.port = serveAt(t, "0.0.0.0:0", func(w http.ResponseWriter, _ *http.Request) {
		in.reached.Add(1)
		_, _ = io.WriteString(w, insideWord)
	})
	return in
}

// listenTwice listens on one port of two addresses. A port that is free on the one may be taken on the other, in which case there is
// another.
func listenTwice(t *testing.T, one, other string) (first, second net.Listener) {
	t.Helper()
	var config net.ListenConfig
	for {
		first, err := config.Listen(t.Context(), "tcp", net.JoinHostPort(one, "0"))
		if err != nil {
			t.Fatal(err)
		}
		_, port, err := net.SplitHostPort(first.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		second, err := config.Listen(t.Context(), "tcp", net.JoinHostPort(other, port))
		if err == nil {
			return first, second
		}
		_ = first.Close()
		if !errors.Is(err, syscall.EADDRINUSE) {
			t.Fatal(err)
		}
	}
}

// serveAt serves at an address, and is its port.
func serveAt(t *testing.T, address string, handler http.HandlerFunc) string {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, l, handler)
}

// serve serves where somebody listens, and is the port.
func serve(t *testing.T, l net.Listener, handler http.HandlerFunc) string {
	t.Helper()
	server := &http.Server{Handler: handler} //nolint:gosec // of a test
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // ends with ErrServerClosed
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// at is an address of the corpus with the inside's port, unless it has one.
func (in *inside) at(address string) (string, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" || u.Hostname() == "" || u.Port() != "" {
		return address, false
	}
	u.Host += ":" + in.port
	return u.String(), true
}

// TestNoAddressLeadsInside asks for every address of the corpus as adapters ask for theirs. Names that are numbers in disguise are
// answered with 127.0.0.1, as some resolvers do.
func TestNoAddressLeadsInside(t *testing.T) {
	t.Parallel()
	in := newInside(t)
	resolver := newNames(t, func(string) [][4]byte { return [][4]byte{{127, 0, 0, 1}} })
	client := attempt.Network{Resolver: resolver.Resolver}.Client()
	t.Cleanup(client.CloseIdleConnections)
	dialled := 0
	for _, address := range loadCorpus(t)["address"] {
		address, ours := in.at(address)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
		if err != nil {
			continue
		}
		response, err := client.Do(r)
		if err == nil {
			_ = response.Body.Close()
			t.Errorf("%s was reached", address)
		}
		if errors.Is(err, ssrf.ErrProhibitedIP) {
			dialled++
		} else if ours && !errors.Is(err, ssrf.ErrProhibitedNetwork) {
			var dns *net.DNSError
			if !errors.As(err, &dns) {
				t.Errorf("%s: %v", address, err)
			}
		}
	}
	if n := in.reached.Load(); n > 0 || dialled < 45 {
		t.Errorf("the inside was reached %d times; %d addresses were refused when dialled", n, dialled)
	}
	t.Logf("%d addresses were refused when dialled", dialled)
}

// TestNamesThatChange: a name that leads to a permitted address first and inside then, or to both at once, leads inside never. 127.0.0.2
// stands for what is permitted.
func TestNamesThatChange(t *testing.T) {
	t.Parallel()
	permitted, forbidden := [4]byte{127, 0, 0, 2}, [4]byte{127, 0, 0, 1}
	var questions, outside, within atomic.Int64
	resolver := newNames(t, func(name string) [][4]byte {
		switch n := questions.Add(1); {
		case strings.HasPrefix(name, "both"):
			return [][4]byte{forbidden, permitted}
		case strings.HasPrefix(name, "first"), n%2 == 0:
			return [][4]byte{forbidden}
		default:
			return [][4]byte{permitted}
		}
	})
	there, here := listenTwice(t, "127.0.0.2", "127.0.0.1")
	port := serve(t, there, func(w http.ResponseWriter, _ *http.Request) {
		outside.Add(1)
		w.Header().Set("Connection", "close") // so that the name is looked up again
	})
	_ = serve(t, here, func(http.ResponseWriter, *http.Request) { within.Add(1) })
	client := attempt.Network{Resolver: resolver.Resolver, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}}.Client()
	t.Cleanup(client.CloseIdleConnections)
	refused := 0
	for i := range 24 {
		host := []string{"changes", "both", "first"}[i%3]
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, fmt.Sprintf("http://%s.example.:%s/%d", host, port, i), strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(r)
		if err != nil {
			refused++
			continue
		}
		_ = response.Body.Close()
	}
	if within.Load() > 0 || outside.Load() < 8 || refused < 8 {
		t.Errorf("inside %d times, outside %d, refused %d", within.Load(), outside.Load(), refused)
	}
}

// TestRedirectsAreNotFollowed: what a permitted server answers leads nowhere.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	in := newInside(t)
	port := serveAt(t, "127.0.0.2:0", func(w http.ResponseWriter, r *http.Request) {
		var status int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
		w.Header().Set("Location", "http://127.0.0.1:"+in.port+"/")
		w.Header().Set("Refresh", "0; url=http://127.0.0.1:"+in.port+"/")
		w.WriteHeader(status)
	})
	client := attempt.Network{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}}.Client()
	t.Cleanup(client.CloseIdleConnections)
	for _, status := range []int{300, 301, 302, 303, 307, 308} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r, err := http.NewRequestWithContext(t.Context(), method, fmt.Sprintf("http://127.0.0.2:%s/%d", port, status), strings.NewReader("x"))
			if err != nil {
				t.Fatal(err)
			}
			response, err := client.Do(r)
			if err != nil || response.StatusCode != status {
				t.Fatalf("%s %d: %v", method, status, err)
			}
			_ = response.Body.Close()
		}
	}
	if n := in.reached.Load(); n > 0 {
		t.Errorf("the inside was reached %d times", n)
	}
}

// reaching are channels with an address that a client gives, by the setting or secret that it is.
func reaching(address string) []node {
	aws := node{"access_key_id": "made-up-access-key-id", "secret_access_key": "made-up"}
	channel := func(kind, provider string, settings, secrets node) node {
		return node{"kind": kind, "provider": provider, "settings": settings, "secrets": secrets, "enabled": true}
	}
	return []node{
		channel("email", "ses", node{"region": "eu-central-1", "endpoint": address}, aws),
		channel("slack", "slack", node{"conversation": "C1", "api_url": address}, node{"bot_token": "made-up"}),
		channel("slack", "slack-webhook", node{}, node{"hook_url": address}),
		channel("discord", "discord", node{"channel_id": "100000000000000042", "api_url": address}, node{"bot_token": "made-up"}),
		channel("discord", "discord-webhook", node{}, node{"hook_url": address}),
		channel("webhook", "webhook", node{"url": address}, node{}),
	}
}

// TestNoClientReachesInside gives every address inside to every setting of a channel that is one, and to every field of the API that
// is called so; whatever is tried at once, and whatever is stored, reaches nothing. Hosts that are names are left to the tests above:
// looking them up would ask servers elsewhere.
func TestNoClientReachesInside(t *testing.T) {
	t.Parallel()
	in := newInside(t)
	h := open(t, func(*config.Config) {}, app.API)
	wire := &wire{host: h.host()}
	defer func() { _ = wire.close() }()
	w := &world{house: h, made: map[string]string{}}
	tried := 0
	try := func(method, uri, text string) reply {
		h.t.Helper()
		tried++
		got, err := wire.send(t.Context(), request{method: method, uri: uri, kind: "application/json", body: text, header: []string{"If-Match: *"}})
		if err != nil || got.status >= 500 || strings.Contains(got.body, insideWord) {
			t.Errorf("%s %s %s: %d %s, %v", method, uri, text, got.status, got.body, err)
		}
		return got
	}
	operations := loadDocument(t).operations()
	for i, address := range loadCorpus(t)["address"] {
		address, ours := in.at(address)
		u, err := url.Parse(address)
		if err != nil || !ours || net.ParseIP(u.Hostname()) == nil && u.Hostname() != "localhost" {
			continue
		}
		for n, c := range reaching(address) {
			c["name"] = fmt.Sprintf("inside-%d-%d", i, n)
			try(http.MethodPost, "/api/v1/channels", jsonOf(t, c))
		}
		for _, o := range operations {
			for _, b := range o.bodies {
				for _, f := range b.fields {
					name := strings.ToLower(f.way[len(f.way)-1])
					if f.text && (strings.HasSuffix(name, "url") || strings.HasSuffix(name, "endpoint")) {
						made := try(o.method, w.uri(o, nil), strings.Replace(b.with(f, false), slot, address, 1))
						for _, verb := range verbs(operations, o, made) {
							try(http.MethodPost, verb, "{}")
						}
					}
				}
			}
		}
	}
	if n := in.reached.Load(); n > 0 || tried < 150 {
		t.Errorf("the inside was reached %d times by %d requests", n, tried)
	}
	t.Logf("%d requests", tried)
}

// verbs are what can be asked of something that was made: to be tried, verified, switched on.
func verbs(operations []operation, o operation, made reply) []string {
	var list []string
	for _, other := range operations {
		verb, ok := strings.CutPrefix(other.path, o.path+"/{id}/")
		if where := made.header.Get("Location"); ok && where != "" && other.method == http.MethodPost && !strings.Contains(verb, "{") {
			list = append(list, where+"/"+verb)
		}
	}
	return list
}
