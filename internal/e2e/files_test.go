package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/testkit/fixture"
)

// upload stores a file and returns its id.
func upload(h *house, name, mediaType string, content []byte) string {
	h.t.Helper()
	answer, err := h.Send(h.t.Context(), http.MethodPost, "/api/v1/assets?name="+url.QueryEscape(name), content,
		"Authorization", "Bearer "+fixture.Key, "Content-Type", mediaType)
	if err != nil || answer.Status != http.StatusCreated {
		h.t.Fatalf("upload %s: %d %s, %v", name, answer.Status, answer.Body, err)
	}
	var made struct{ ID string }
	if err := json.Unmarshal(answer.Body, &made); err != nil {
		h.t.Fatal(err)
	}
	return made.ID
}

// Files that go with a publication, and images that its contents show, arrive byte for byte by SES and by SMTP; the
// public page and the webhook show the image by its address.
func TestFilesArrive(t *testing.T) {
	t.Parallel()
	const readers, name = 5, `Übersicht "2026".bin`
	h := open(t)
	h.ConnectAll(t)
	h.Subscribe(t, fixture.People("files", readers))
	attached, image := make([]byte, 3<<19), append([]byte("\x89PNG\r\n\x1a\n"), "\r\n.\r\n.. and so on"...)
	_, _ = rand.NewChaCha8([32]byte{}).Read(attached) // never fails
	file, logo := upload(h, name, "application/octet-stream", attached), upload(h, "logo.png", "image/png", image)
	var item struct{ ID string }
	h.Call(t, http.MethodPost, "/contents", map[string]any{"title": "Look", "body": fmt.Sprintf("See ![our logo](asset:%s).", logo)}, &item)
	request := h.Request(fixture.Order{Title: "With files", Channels: everyKind, Contents: []string{item.ID}})
	request["attachments"] = []string{file}
	var made struct{ ID string }
	h.Call(t, http.MethodPost, "/publications", request, &made)
	h.Await(t, made.ID, "completed", patience)
	for _, kind := range []string{"email", "newsletter"} {
		h.wantOnce(made.ID, kind, readers)
		for _, m := range h.Sandbox.Messages(kind) {
			l := m.Read()
			if len(l.Faults) > 0 || len(l.Files) != 2 || l.Text == "" {
				t.Fatalf("%s: %d files, faults %v", kind, len(l.Files), l.Faults)
			}
			shown, whole := l.Files[0], l.Files[1]
			if !bytes.Equal(shown.Data, image) || !shown.Inline || !strings.Contains(l.HTML, `src="cid:`+shown.ContentID+`"`) {
				t.Errorf("%s: the image has %d bytes as %s", kind, len(shown.Data), shown.ContentID)
			}
			if !bytes.Equal(whole.Data, attached) || whole.Inline || whole.Name != name {
				t.Errorf("%s: the attachment %s has %d bytes", kind, whole.Name, len(whole.Data))
			}
		}
	}
	address := h.URL + "/p/a/" + logo
	if page := h.Visit(t, http.MethodGet, "/p/n/"+made.ID, nil); !bytes.Contains(page.Body, []byte(address)) {
		t.Errorf("the archive does not show the image: %s", page.Body)
	}
	if got := h.Visit(t, http.MethodGet, address, nil); got.Status != http.StatusOK || !bytes.Equal(got.Body, image) {
		t.Errorf("the image's address answers %d with %d bytes", got.Status, len(got.Body))
	}
	if posted := h.Sandbox.Messages("webhook")[0]; !bytes.Contains(posted.Body, []byte(address)) {
		t.Errorf("the webhook got %s", posted.Body)
	}
}

// A publication whose image was deleted meanwhile fails as a whole, with the reason, and nobody gets a broken mail.
func TestDeletedImageFailsThePublication(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.ConnectAll(t)
	h.Subscribe(t, fixture.People("gone", 2))
	logo := upload(h, "logo.png", "image/png", []byte("\x89PNG\r\n\x1a\n"))
	var item struct{ ID string }
	h.Call(t, http.MethodPost, "/contents", map[string]any{"title": "Look", "body": fmt.Sprintf("![](asset:%s)", logo)}, &item)
	h.Call(t, http.MethodDelete, "/assets/"+logo, nil, nil)
	id := h.Publish(t, fixture.Order{Title: "Without", Channels: []string{"email"}, Contents: []string{item.ID}})
	h.Await(t, id, "failed", patience)
	var p struct{ Failure string }
	h.Call(t, http.MethodGet, "/publications/"+id, nil, &p)
	if !strings.Contains(p.Failure, "unknown_asset") || !strings.Contains(p.Failure, logo) {
		t.Errorf("it failed because of %q", p.Failure)
	}
	h.wantOnce(id, "email", 0)
}
