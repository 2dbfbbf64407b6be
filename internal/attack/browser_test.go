package attack

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browserTime bounds what is done in a tab.
const browserTime = patience

// startBrowser starts Chromium with a profile of its own that reaches this machine only, and stops it when the test ends.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Fatal("there is no Chromium: make deps installs it")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost"),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("disable-breakpad", true), chromedp.Flag("disable-crash-reporter", true), chromedp.WSURLReadTimeout(browserTime))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium's own refuses root
	}
	allocator, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	browser, _ := chromedp.NewContext(allocator)
	if err := chromedp.Run(browser); err != nil {
		stop()
		t.Fatalf("start %s: %v", path, err)
	}
	t.Cleanup(func() {
		if err := chromedp.Cancel(browser); err != nil {
			t.Errorf("stop the browser: %v", err)
		}
		stop()
	})
	return browser
}

// tab is a page of the browser, and what was seen in it.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu sync.Mutex
	// ran is how often the corpus called pwned, wrong what the console said of errors and of policies.
	ran   int
	wrong []string
}

// newTab opens a tab. In every document there, pwned is a function that is told to the test.
func newTab(browser context.Context, t *testing.T, actions ...chromedp.Action) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	ctx, stop := context.WithTimeout(ctx, browserTime)
	t.Cleanup(stop)
	b := &tab{t: t, ctx: ctx}
	chromedp.ListenTarget(ctx, b.see)
	b.do(append([]chromedp.Action{log.Enable(), runtime.Enable(), network.Enable(), page.Enable(), runtime.AddBinding("attackRan"),
		chromedp.ActionFunc(func(ctx context.Context) error {
			_, err := page.AddScriptToEvaluateOnNewDocument(`self.pwned = () => attackRan("")`).Do(ctx)
			return err
		})}, actions...)...)
	return b
}

func (b *tab) do(actions ...chromedp.Action) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) see(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventBindingCalled:
		b.ran++
	case *runtime.EventExceptionThrown:
		b.wrong = append(b.wrong, "exception: "+e.ExceptionDetails.Error())
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError {
			b.wrong = append(b.wrong, fmt.Sprintf("console: %s", e.Args[0].Value))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError {
			b.wrong = append(b.wrong, e.Entry.Text+" "+e.Entry.URL)
		}
	case *page.EventJavascriptDialogOpening:
		b.wrong = append(b.wrong, "dialog: "+e.Message)
	}
}

// wantQuiet fails if the corpus ran, or if the console said anything that has none of the allowed words in it.
func (b *tab) wantQuiet(where string, allowed ...string) {
	b.t.Helper()
	// What the page has said by now is here once it answers again.
	b.do(chromedp.Evaluate(`1`, nil))
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ran > 0 {
		b.t.Errorf("%s: a script of the corpus ran %d times", where, b.ran)
	}
	for _, text := range b.wrong {
		if !containsAny(text, allowed) {
			b.t.Errorf("%s: %s", where, text)
		}
	}
	b.ran, b.wrong = 0, nil
}

func containsAny(text string, words []string) bool {
	for _, word := range words {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// wantAlarm fails unless the corpus ran just now.
func (b *tab) wantAlarm() {
	b.t.Helper()
	b.do(chromedp.Evaluate(`1`, nil))
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ran != 3 || len(b.wrong) != 1 {
		b.t.Errorf("scripts that run are seen %d times, with %v", b.ran, b.wrong)
	}
	b.ran, b.wrong = 0, nil
}

// text is what a page shows.
func (b *tab) text() string {
	b.t.Helper()
	var text string
	b.do(chromedp.Evaluate(`document.body.innerText`, &text))
	return text
}

// withoutScripts is a tab in which pages run nothing. What the test evaluates runs all the same.
func withoutScripts() chromedp.Action { return emulation.SetScriptExecutionDisabled(true) }

// awaited has a script's promise waited for.
func awaited(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
