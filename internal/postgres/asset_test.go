package postgres

import (
	"bytes"
	"fmt"
	"reflect"
	"sync"
	"testing"

	"github.com/presswork/presswork/internal/asset"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// upload stores a file.
func upload(t testing.TB, db *DB, name, mediaType string, content []byte) asset.Asset {
	t.Helper()
	a, err := asset.New(name, mediaType, content)
	if err != nil {
		t.Fatal(err)
	}
	if a, err = db.CreateAsset(t.Context(), a, content); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAssets(t *testing.T) {
	t.Parallel()
	db := open(t)
	content := bytes.Repeat([]byte{0, 1, 0xff}, 1<<20)
	one := upload(t, db, "Übersicht.bin", "application/octet-stream", content)
	two := upload(t, db, "the same.bin", "application/x-other", content)
	three := upload(t, db, "another", "text/plain", []byte("x"))
	if got, err := db.Asset(t.Context(), one.UID); err != nil || !reflect.DeepEqual(got, one) {
		t.Errorf("%+v, %v\nwant %+v", got, err, one)
	}
	got, bytesOf, err := db.AssetContent(t.Context(), two.UID)
	if err != nil || !reflect.DeepEqual(got, two) || !bytes.Equal(bytesOf, content) {
		t.Errorf("%+v with %d bytes, %v", got, len(bytesOf), err)
	}
	if n := value[int](t, db, `SELECT count(*) FROM asset_content`); n != 2 {
		t.Errorf("%d contents are stored", n)
	}
	list, err := db.ListAssets(t.Context(), one.ID, 1)
	if err != nil || len(list) != 1 || list[0].UID != two.UID {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err = db.Assets(t.Context(), []ident.UID{three.UID, ident.New(), one.UID, one.UID}); err != nil || len(list) != 2 {
		t.Errorf("%+v, %v", list, err)
	}
	for i, uid := range []ident.UID{one.UID, two.UID} {
		if err := db.DeleteAsset(t.Context(), uid); err != nil {
			t.Fatal(err)
		}
		if n := value[int](t, db, `SELECT count(*) FROM asset_content`); n != 2-i {
			t.Errorf("after deleting %d there are %d contents", i+1, n)
		}
	}
	if _, err := db.Asset(t.Context(), one.UID); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	if _, _, err := db.AssetContent(t.Context(), one.UID); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	if err := db.DeleteAsset(t.Context(), one.UID); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	if actions := value[string](t, db, `SELECT string_agg(action, ' ' ORDER BY id) FROM audit_event`); actions != "asset.create asset.create asset.create asset.delete asset.delete" {
		t.Errorf("the audit log says %s", actions)
	}
}

// Bytes that are stored while the last file with them is deleted stay.
func TestSameBytesStoredAndDeletedAtOnce(t *testing.T) {
	t.Parallel()
	db := open(t)
	content := []byte("the same")
	var group sync.WaitGroup
	for i := range 6 {
		group.Go(func() {
			for range 15 {
				a, err := asset.New(fmt.Sprintf("%d.txt", i), "text/plain", content)
				if err != nil {
					t.Error(err)
					return
				}
				if a, err = db.CreateAsset(t.Context(), a, content); err != nil {
					t.Error(err)
					return
				}
				if _, got, err := db.AssetContent(t.Context(), a.UID); err != nil || !bytes.Equal(got, content) {
					t.Errorf("%q, %v", got, err)
				}
				if err := db.DeleteAsset(t.Context(), a.UID); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if n := value[int](t, db, `SELECT count(*) FROM asset_content`); n != 0 {
		t.Errorf("%d contents are left", n)
	}
}

func TestAttachments(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	one := upload(t, n.DB, "a.pdf", "application/pdf", []byte("a"))
	big := upload(t, n.DB, "b.bin", "application/octet-stream", make([]byte, asset.MaxSize))
	attach := func(uids ...ident.UID) func(*publication.Order) {
		return func(o *publication.Order) { o.Attachments = uids }
	}
	for _, c := range []struct {
		uids   []ident.UID
		fields []string
	}{
		{[]ident.UID{one.UID, ident.New()}, []string{"/attachments/1 unknown_asset"}},
		{[]ident.UID{one.UID, big.UID}, []string{"/attachments too_large"}},
	} {
		o := n.order()
		o.Attachments = c.uids
		_, err := n.ResolveOrder(t.Context(), o)
		sameStrings(t, fieldsOf(err), c.fields...)
	}
	id, uid := n.accepted(t, attach(one.UID))
	p, _, err := n.Edition(t.Context(), id, 1)
	if err != nil || !reflect.DeepEqual(p.Attachments, []ident.UID{one.UID}) {
		t.Errorf("%+v, %v", p, err)
	}
	want := []publication.Attachment{{UID: one.UID, Name: "a.pdf", MediaType: "application/pdf", Size: 1}}
	if s, err := n.Publication(t.Context(), uid); err != nil || !reflect.DeepEqual(s.Attachments, want) {
		t.Errorf("%+v, %v", s.Attachments, err)
	}
	if err := n.DeleteAsset(t.Context(), one.UID); !fault.Is(err, fault.Conflict) {
		t.Errorf("deleting what goes with a publication: %v", err)
	}
	n.exec(t, `UPDATE publication SET state = 'completed'`)
	if err := n.DeleteAsset(t.Context(), one.UID); err != nil {
		t.Error(err)
	}
	want[0] = publication.Attachment{UID: one.UID}
	if s, err := n.Publication(t.Context(), uid); err != nil || !reflect.DeepEqual(s.Attachments, want) {
		t.Errorf("%+v, %v", s.Attachments, err)
	}
}

// What the pinned versions of contents and templates show is needed as well, and other versions are not looked at.
func TestShownImagesAreNeeded(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	inContent := upload(t, n.DB, "a.bin", "application/octet-stream", []byte("a"))
	inTemplate := upload(t, n.DB, "b.bin", "application/octet-stream", []byte("b"))
	earlier := upload(t, n.DB, "c.bin", "application/octet-stream", []byte("c"))
	n.exec(t, `INSERT INTO content_version (content_id, version, title, format, body)
		SELECT id, v, '', 'markdown', '![](asset:' || CASE v WHEN 3 THEN upper($2::text) ELSE $3::text END || ')'
		FROM content, generate_series(2, 3) AS v WHERE uid = $1`, n.Content, inContent.UID.String(), earlier.UID.String())
	n.exec(t, `INSERT INTO template_version (template_id, version, language, html)
		SELECT id, 2, 'en', '<img src="asset:' || $2::text || '">' FROM template WHERE uid = $1`, n.Template, inTemplate.UID.String())
	n.accepted(t, func(o *publication.Order) { o.Templates = map[string]ident.UID{"email": n.Template} })
	for _, uid := range []ident.UID{inContent.UID, inTemplate.UID} {
		if err := n.DeleteAsset(t.Context(), uid); !fault.Is(err, fault.Conflict) {
			t.Errorf("deleting what a publication shows: %v", err)
		}
	}
	if err := n.DeleteAsset(t.Context(), earlier.UID); err != nil {
		t.Errorf("deleting what an earlier version shows: %v", err)
	}
	n.exec(t, `UPDATE publication SET state = 'failed'`)
	for _, uid := range []ident.UID{inContent.UID, inTemplate.UID} {
		if err := n.DeleteAsset(t.Context(), uid); err != nil {
			t.Errorf("deleting what a finished publication shows: %v", err)
		}
	}
}
