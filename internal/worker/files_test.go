package worker

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/asset"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/edition"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/rendition"
	"github.com/presswork/presswork/tasks"
)

// picture is an image of a size that a store has.
func (m *memory) picture(size int64) ident.UID {
	uid := ident.New()
	m.assets = append(m.assets, asset.Asset{UID: uid, MediaType: "image/png", Size: size})
	return uid
}

// shows adds an item with an image to a store's publication.
func (m *memory) shows(uid ident.UID) {
	item := m.items[0]
	item.Body = fmt.Sprintf("![x](asset:%s)", uid)
	m.items = append(m.items, item)
}

func TestFilesAreCheckedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*memory)
		reason string
	}{
		"attachment that is gone": {func(m *memory) { m.p.Attachments = []ident.UID{ident.New()} }, "unknown_asset"},
		"image that is gone":      {func(m *memory) { m.shows(ident.New()) }, "unknown_asset"},
		"image that is none": {func(m *memory) {
			m.shows(m.picture(1))
			m.assets[0].MediaType = "application/pdf"
		}, "not_an_image"},
		"name that says nothing": {func(m *memory) { m.items[0].Body = "![x](asset:x)" }, "bad_asset"},
		"attachments and images that are too large": {func(m *memory) {
			m.p.Attachments = []ident.UID{m.picture(asset.MaxTotal - 10)}
			m.shows(m.picture(11))
		}, "files_too_large"},
		"largest there may be": {func(m *memory) {
			m.p.Attachments = []ident.UID{m.picture(asset.MaxTotal - 50)}
			for range 20 { // of which a reader gets five
				m.shows(m.picture(10))
			}
		}, ""},
	} {
		m := story(email)
		tc.change(m)
		_, err := render(t, m)
		if err != nil || (m.fanout == nil) != (tc.reason != "") || !strings.Contains(m.failure, tc.reason) {
			t.Errorf("%s: failed because of %q, %v, want %q", name, m.failure, err, tc.reason)
		}
	}
	m := story(email)
	m.shows(m.picture(1))
	m.assetsErr = errAway
	if _, err := render(t, m); !errors.Is(err, errAway) || m.failure != "" {
		t.Errorf("with the database away: %v, failed because of %q", err, m.failure)
	}
	m = story(slack)
	m.shows(m.picture(asset.MaxTotal + 1))
	if _, err := render(t, m); err != nil || m.fanout == nil {
		t.Errorf("an image that no mail has to carry: %v, failed because of %q", err, m.failure)
	}
}

// upload stores a file.
func (o *office) upload(name, mediaType, content string) asset.Asset {
	o.t.Helper()
	a, err := asset.New(name, mediaType, []byte(content))
	if err != nil {
		o.t.Fatal(err)
	}
	if a, err = o.db.CreateAsset(o.t.Context(), a, []byte(content)); err != nil {
		o.t.Fatal(err)
	}
	return a
}

// TestMailsCarryTheirFiles: everybody has the attachment, and who gets an item has its image.
func TestMailsCarryTheirFiles(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.readers()
	o.outlet(channel.Email, "mail")
	png := "\x89PNG\r\n\x1a\n"
	file, image := o.upload("report.pdf", "application/pdf", "%PDF"), o.upload("logo.png", "image/png", png)
	from := o.house()
	uid := ident.New()
	id := value[int64](o, `
		WITH c AS (INSERT INTO content (uid) VALUES (gen_random_uuid()) RETURNING id),
		     v AS (INSERT INTO content_version (content_id, version, title, format, body)
		           SELECT id, 1, 'A', 'markdown', '![logo](asset:' || $2::text || ')' FROM c)
		INSERT INTO publication (uid, title, type, priority, lane, state, channels, audience, contents, sender_id, created_by, gen, attachments)
		SELECT $1, 'Spring', 'announcement', 'normal', 1, 'queued', '{1}', '{"all": true}', jsonb_build_array(jsonb_build_object('id', id, 'version', 1)),
		       $3, 'test', 1, jsonb_build_array($4::text) FROM c
		RETURNING id`, uid, image.UID.String(), from, file.UID.String())
	if err := o.run(tasks.NewRender(id, 1)); err != nil {
		t.Fatal(err)
	}
	list := o.nudges()
	if len(list) != 1 || o.handle(list[0]) != nil {
		t.Fatalf("tasks %v; failure %s", list, value[string](o, `SELECT failure FROM publication`))
	}
	for _, m := range o.sender.sent() {
		if len(m.Mail.Attached) != 1 || len(m.Mail.Inline) != 1 || !strings.Contains(string(m.Mail.Attached[0].Header), "report.pdf") ||
			!strings.Contains(m.Mail.HTML.String(), `src="cid:`+rendition.ContentID(image.UID)+`"`) ||
			!strings.Contains(string(m.Mail.Inline[0].Header), rendition.ContentID(image.UID)) {
			t.Errorf("%d attachments, %d images\n%s", len(m.Mail.Attached), len(m.Mail.Inline), m.Mail.HTML)
		}
	}
	if n := len(o.sender.sent()); n != 3 {
		t.Errorf("%d messages", n)
	}
}

func TestFilesThatCannotBeReadJustNow(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	e := &edition.Edition{Publication: &publication.Publication{Attachments: []ident.UID{ident.New()}}}
	files := edition.NewFiles(o.db)
	err := addFiles(t.Context(), files.Hold(), e, nil, &channel.Mail{})
	if !fault.Is(err, fault.GiveUp) || fault.CodeOf(err) != "unrenderable" {
		t.Errorf("a file that is gone: %v", err)
	}
	o.db.Close()
	if err := addFiles(t.Context(), files.Hold(), e, nil, &channel.Mail{}); !fault.Is(err, fault.Wait) {
		t.Errorf("with the database away: %v", err)
	}
}
