package providertest

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/mime"
	"github.com/presswork/presswork/internal/quoted"
)

// withFiles gives a mail an attachment and an image that its HTML shows, and returns their bytes.
func withFiles(t *testing.T, m *channel.Message, size int) (attached, image []byte) {
	t.Helper()
	attached, image = make([]byte, size), []byte("\x89PNG\r\n\x1a\n.\r\n..and dots\r\n.\r\n")
	_, _ = rand.NewChaCha8([32]byte{}).Read(attached) // never fails
	file, err := mime.Attachment("Übersicht \"2026\".pdf", "application/pdf", mime.EncodeFile(attached))
	if err != nil {
		t.Fatal(err)
	}
	shown, err := mime.Inline("logo.png", "image/png", "logo@asset.example", mime.EncodeFile(image))
	if err != nil {
		t.Fatal(err)
	}
	m.Mail.HTML = quoted.Plain(`<p>Hello <img src="cid:logo@asset.example"></p>`)
	m.Mail.Attached, m.Mail.Inline = []*channel.File{file}, []*channel.File{shown}
	return attached, image
}

// files sees that what goes with a mail arrives byte for byte, however large it is, and that the connection, if it
// is kept, can be used again.
func files(t *testing.T, h Harness) {
	r := newRig(t, h)
	if !r.kind.Personal() {
		return
	}
	for i, size := range []int{1, 57, 100_000, 2 << 20, 0} {
		recipient := int64(i + 1)
		m := Message(r.kind, recipient)
		attached, image := withFiles(t, m, size)
		if err := r.send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		r.received(recipient, 1)
		letter := r.sandbox.Messages(string(r.kind))[0].Read()
		if len(letter.Faults) > 0 || letter.HTML != m.Mail.HTML.String() || letter.Text != "Hello\r\n.\r\n..dots" || len(letter.Files) != 2 {
			t.Fatalf("%d bytes: HTML %q, text %q, %d files, %v", size, letter.HTML, letter.Text, len(letter.Files), letter.Faults)
		}
		shown, file := letter.Files[0], letter.Files[1]
		if !shown.Inline || shown.ContentID != "logo@asset.example" || shown.Name != "logo.png" || !bytes.Equal(shown.Data, image) {
			t.Errorf("%d bytes: the image is %q, %q, %q", size, shown.Name, shown.ContentID, shown.Data)
		}
		if file.Inline || file.Name != "Übersicht \"2026\".pdf" || file.Type != "application/pdf" || !bytes.Equal(file.Data, attached) {
			t.Errorf("%d bytes: the attachment is %q, %s, of %d bytes", size, file.Name, file.Type, len(file.Data))
		}
	}
	r.deliver(10)
	r.received(10, 1)
}
