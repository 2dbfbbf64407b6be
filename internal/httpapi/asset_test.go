package httpapi

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/asset"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
)

const picture = "\x89PNG\r\n\x1a\nand so on"

// upload stores a file and returns it.
func (a *api) upload(name, mediaType, content string) wire.Asset {
	a.t.Helper()
	return read[wire.Asset](a.do("POST", "/api/v1/assets?name="+url.QueryEscape(name), content, "Content-Type: "+mediaType).want(http.StatusCreated))
}

func TestUploads(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	const name = `Übersicht "1".csv`
	made := a.do("POST", "/api/v1/assets?name="+url.QueryEscape(name), "a,b", "Content-Type: text/csv; charset=utf-8").want(http.StatusCreated)
	one := read[wire.Asset](made)
	sum := sha256.Sum256([]byte("a,b"))
	if one.Name != name || one.MediaType != "text/csv; charset=utf-8" || one.Size != 3 || one.SHA256 != hex.EncodeToString(sum[:]) ||
		made.Header.Get("Location") != "/api/v1/assets/"+one.ID.String() {
		t.Errorf("%s %s", made.Body, made.Header.Get("Location"))
	}
	if again := a.do("GET", made.location(), nil).want(http.StatusOK); again.Body != made.Body {
		t.Errorf("%s, not %s", again.Body, made.Body)
	}
	file := a.do("GET", made.location()+"/content", nil).want(http.StatusOK)
	if file.Body != "a,b" || file.Header.Get("Content-Type") != "text/csv; charset=utf-8" || file.Header.Get("X-Content-Type-Options") != "nosniff" ||
		file.Header.Get("Content-Disposition") != "attachment; filename*=utf-8''%C3%9Cbersicht%20%221%22.csv" ||
		!strings.Contains(file.Header.Get("Content-Security-Policy"), "sandbox") || file.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%q %v", file.Body, file.Header)
	}
	two := a.upload("page.html", "text/html", "<script>alert(1)</script>")
	first := read[wire.AssetPage](a.do("GET", "/api/v1/assets?limit=1", nil).want(http.StatusOK))
	if len(first.Items) != 1 || first.Items[0] != one || first.Next == "" {
		t.Errorf("%+v", first)
	}
	if rest := read[wire.AssetPage](a.do("GET", "/api/v1/assets?limit=1&cursor="+first.Next, nil)); len(rest.Items) != 1 || rest.Items[0] != two || rest.Next != "" {
		t.Errorf("%+v", rest)
	}
	a.do("DELETE", made.location(), nil).want(http.StatusNoContent)
	for _, path := range []string{made.location(), made.location() + "/content", "/api/v1/assets/x", "/api/v1/assets/x/content"} {
		a.do("GET", path, nil).problem(http.StatusNotFound, "not_found")
	}
	a.do("DELETE", made.location(), nil).problem(http.StatusNotFound, "not_found")
	a.do("PUT", made.location(), nil).problem(http.StatusMethodNotAllowed, "method_not_allowed")
}

func TestUploadsThatAreRefused(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for _, c := range []struct {
		query, mediaType, body string
		status                 int
		code                   string
		fields                 []string
	}{
		{"", "", "", 422, "invalid_input", []string{"/name required", "/media_type format", "/content required"}},
		{"?name=setup.exe", "application/octet-stream", "MZ", 422, "invalid_input", []string{"/name not_allowed"}},
		{"?name=a%0d%0ab", "text/plain", "x", 422, "invalid_input", []string{"/name format"}},
		{"?name=a.png", "image/png", "<svg/>", 422, "invalid_input", []string{"/content wrong_type"}},
		{"?name=a.eml", "message/rfc822", "x", 422, "invalid_input", []string{"/media_type not_allowed"}},
		{"?name=a&name=b", "text/plain", "x", 400, "invalid_query", nil},
		{"?file=a", "text/plain", "x", 400, "invalid_query", nil},
	} {
		header := "Content-Type: " + c.mediaType
		a.do("POST", "/api/v1/assets"+c.query, c.body, header).problem(c.status, c.code, c.fields...)
	}
	a.do("POST", "/api/v1/assets?name=a", "x", "Content-Encoding: gzip").problem(http.StatusUnsupportedMediaType, "unsupported_media_type")
	announced := strings.Repeat("x", asset.MaxSize+1)
	a.do("POST", "/api/v1/assets?name=a", announced).problem(http.StatusRequestEntityTooLarge, "too_large")
	unannounced := io.MultiReader(strings.NewReader(announced)) // without a length
	a.do("POST", "/api/v1/assets?name=a", unannounced).problem(http.StatusRequestEntityTooLarge, "too_large")
	if n := len(read[wire.AssetPage](a.do("GET", "/api/v1/assets", nil)).Items); n != 0 {
		t.Errorf("%d are stored", n)
	}
	a.upload("largest.bin", "application/octet-stream", strings.Repeat("x", asset.MaxSize))
}

func TestPublishWithAttachments(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	one := n.upload("a.pdf", "application/pdf", "a")
	body := map[string]any{"attachments": []string{one.ID.String()}}
	got := n.publish(body, "Idempotency-Key: k").want(http.StatusAccepted)
	p := read[wire.Publication](n.do("GET", got.Header.Get("Location"), nil).want(http.StatusOK))
	if len(p.Attachments) != 1 || p.Attachments[0].ID != one.ID || p.Attachments[0].Name != "a.pdf" || p.Attachments[0].Size != 1 {
		t.Errorf("%+v", p.Attachments)
	}
	if again := n.publish(body, "Idempotency-Key: k").want(http.StatusAccepted); again.Header.Get("Idempotent-Replay") != "true" {
		t.Error("the same request is another publication")
	}
	n.publish(nil, "Idempotency-Key: k").want(http.StatusUnprocessableEntity)
	n.do("DELETE", "/api/v1/assets/"+one.ID.String(), nil).problem(http.StatusConflict, "in_use")
	if plain := n.do("GET", n.publish(nil).want(http.StatusAccepted).Header.Get("Location"), nil); !strings.Contains(plain.Body, `"attachments":[]`) {
		t.Errorf("%s", plain.Body)
	}
	many := make([]string, 11)
	for i := range many {
		many[i] = ident.New().String()
	}
	for _, c := range []struct {
		change map[string]any
		fields []string
	}{
		{map[string]any{"attachments": []string{ident.New().String()}}, []string{"/attachments/0 unknown_asset"}},
		{map[string]any{"attachments": []string{"x", one.ID.String(), one.ID.String()}}, []string{"/attachments/0 format", "/attachments/2 duplicate"}},
		{map[string]any{"attachments": many}, []string{"/attachments too_many"}},
		{map[string]any{"attachments": []string{one.ID.String()}, "channels": []string{"slack"}, "audience": nil}, []string{"/attachments not_allowed"}},
	} {
		n.publish(c.change).problem(http.StatusUnprocessableEntity, "invalid_input", c.fields...)
	}
}

// Images that contents and templates show are checked when they are saved.
func TestShownImages(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	image, file := a.upload("a.png", "image/png", picture), a.upload("a.pdf", "application/pdf", "x")
	missing := ident.New()
	text := func(id any) map[string]any {
		return map[string]any{"title": "A", "body": fmt.Sprintf("![logo](asset:%v)", id)}
	}
	form := func(id any) map[string]any {
		return map[string]any{"name": "plain", "channel": "email", "languages": map[string]any{
			"en": map[string]any{"subject": "A", "html": fmt.Sprintf(`<p>{{ subscriber.name }}</p><img src="asset:%v">`, id)},
		}}
	}
	for path, c := range map[string]struct {
		body    func(any) map[string]any
		pointer string
	}{"/api/v1/contents": {text, "/body"}, "/api/v1/templates": {form, "/languages/en/html"}} {
		one := a.do("POST", path, c.body(image.ID)).location()
		for _, save := range []struct{ method, path string }{{"POST", path}, {"PUT", one}} {
			a.do(save.method, save.path, c.body(missing), "If-Match: *").problem(422, "invalid_input", c.pointer+" unknown_asset")
			a.do(save.method, save.path, c.body(file.ID), "If-Match: *").problem(422, "invalid_input", c.pointer+" not_an_image")
			a.do(save.method, save.path, c.body("logo.png"), "If-Match: *").problem(422, "invalid_input", c.pointer+" bad_asset")
		}
		a.do("PUT", one, c.body(image.ID), "If-Match: *").want(http.StatusOK)
	}
	a.do("POST", "/api/v1/templates", form("{{ data.id }}")).problem(422, "invalid_input", "/languages/en/html bad_asset")
}
