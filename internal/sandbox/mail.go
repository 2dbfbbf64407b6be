package sandbox

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/textproto"
	"strings"
)

const (
	mailDepth = 10       // multiparts within multiparts
	mailParts = 200      // in one mail
	mailPart  = 40 << 20 // bytes of one part that are read
)

// words decodes RFC 2047 words in UTF-8, Latin-1 and ASCII; others stay as they are.
var words mime.WordDecoder

// mailHead splits a mail into its header fields, in order, decoded, and the rest.
func mailHead(raw []byte) (fields []Field, body []byte) {
	rest := raw
	for len(rest) > 0 {
		line, after := cutLine(rest)
		if len(line) == 0 {
			return fields, after
		}
		rest = after
		if last := len(fields) - 1; (line[0] == ' ' || line[0] == '\t') && last >= 0 {
			fields[last].Value += " " + strings.TrimSpace(string(line))
			continue
		}
		name, value, found := strings.Cut(string(line), ":")
		if found {
			fields = append(fields, Field{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)})
		}
	}
	return fields, nil
}

// cutLine returns the first line without its CRLF or LF, and what follows.
func cutLine(text []byte) (line, after []byte) {
	line, after, _ = bytes.Cut(text, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), after
}

// decoded returns a header value with its RFC 2047 words decoded.
func decoded(value string) string {
	if plain, err := words.DecodeHeader(value); err == nil {
		return plain
	}
	return value
}

// mailField returns a field of a raw mail, decoded; "" if it has none.
func mailField(raw []byte, name string) string {
	head := raw
	if end := bytes.Index(raw, []byte("\r\n\r\n")); end >= 0 {
		head = raw[:end+2]
	}
	fields, _ := mailHead(head)
	return decoded(fieldOf(fields, name))
}

func fieldOf(fields []Field, name string) string {
	for _, field := range fields {
		if strings.EqualFold(field.Name, name) {
			return field.Value
		}
	}
	return ""
}

func subjectOf(raw []byte) string { return mailField(raw, "Subject") }

// mailReader collects what a mail is made of.
type mailReader struct {
	letter Letter
	parts  int
}

// readMail takes a raw mail apart.
func readMail(raw []byte) Letter {
	fields, body := mailHead(raw)
	r := mailReader{letter: Letter{Source: string(raw)}}
	r.entity(fields, body, 0)
	for _, field := range fields {
		r.letter.Fields = append(r.letter.Fields, Field{field.Name, decoded(field.Value)})
	}
	r.letter.Subject = fieldOf(r.letter.Fields, "Subject")
	return r.letter
}

// fault notes something that could not be read.
func (r *mailReader) fault(format string, arguments ...any) {
	if len(r.letter.Faults) < mailParts {
		r.letter.Faults = append(r.letter.Faults, fmt.Sprintf(format, arguments...))
	}
}

// entity reads one part: a text, a file, or a multipart of others.
func (r *mailReader) entity(fields []Field, body []byte, depth int) {
	if r.parts++; r.parts > mailParts || depth > mailDepth {
		r.fault("more than %d parts or %d levels", mailParts, mailDepth)
		return
	}
	declared := fieldOf(fields, "Content-Type")
	kind, parameters, err := mime.ParseMediaType(declared)
	if err != nil {
		if declared != "" {
			r.fault("content type %q: %v", declared, err)
		}
		kind, parameters = "text/plain", nil
	}
	if strings.HasPrefix(kind, "multipart/") {
		r.multipart(body, parameters["boundary"], depth)
		return
	}
	content, err := io.ReadAll(io.LimitReader(transferDecoder(fields, body), mailPart))
	if err != nil {
		r.fault("%s: %v", kind, err)
	}
	disposition, named, _ := mime.ParseMediaType(fieldOf(fields, "Content-Disposition"))
	switch {
	case disposition != "attachment" && kind == "text/plain" && r.letter.Text == "":
		r.letter.Text = utf8Text(content, parameters["charset"])
	case disposition != "attachment" && kind == "text/html" && r.letter.HTML == "":
		r.letter.HTML = utf8Text(content, parameters["charset"])
	default:
		name := named["filename"]
		if name == "" {
			name = parameters["name"]
		}
		r.letter.Files = append(r.letter.Files, File{
			Name: decoded(name), Type: kind, Size: len(content), Data: content, Inline: disposition == "inline",
			ContentID: strings.Trim(fieldOf(fields, "Content-Id"), "<>"),
		})
	}
}

func (r *mailReader) multipart(body []byte, boundary string, depth int) {
	if boundary == "" {
		r.fault("multipart without a boundary")
		return
	}
	parts := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			r.fault("multipart: %v", err)
			return
		}
		content, err := io.ReadAll(part)
		if err != nil {
			r.fault("multipart: %v", err)
		}
		r.entity(partFields(part.Header), content, depth+1)
		if r.parts > mailParts {
			return
		}
	}
}

func partFields(header textproto.MIMEHeader) []Field {
	var fields []Field
	for name, values := range header {
		for _, value := range values {
			fields = append(fields, Field{name, value})
		}
	}
	return fields
}

// transferDecoder undoes the part's Content-Transfer-Encoding.
func transferDecoder(fields []Field, body []byte) io.Reader {
	switch strings.ToLower(fieldOf(fields, "Content-Transfer-Encoding")) {
	case "quoted-printable":
		return quotedprintable.NewReader(bytes.NewReader(body))
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, bytes.NewReader(body))
	}
	return bytes.NewReader(body)
}

// utf8Text reads Latin-1 as such and everything else as UTF-8, marking what is not.
func utf8Text(content []byte, charset string) string {
	if strings.EqualFold(charset, "iso-8859-1") {
		runes := make([]rune, len(content))
		for i, b := range content {
			runes[i] = rune(b)
		}
		return string(runes)
	}
	return strings.ToValidUTF8(string(content), "\uFFFD")
}

// composed puts a mail together from the parts SES was given, as SES itself would.
func composed(in sesInput, simple sesSimple) []byte {
	var mail bytes.Buffer
	field := func(name, value string) { fmt.Fprintf(&mail, "%s: %s\r\n", name, value) }
	field("From", in.FromEmailAddress)
	field("To", strings.Join(in.Destination.ToAddresses, ", "))
	if len(in.Destination.CcAddresses) > 0 {
		field("Cc", strings.Join(in.Destination.CcAddresses, ", "))
	}
	field("Subject", mime.QEncoding.Encode("utf-8", simple.Subject.Data))
	for _, extra := range simple.Headers {
		field(extra.Name, extra.Value)
	}
	field("MIME-Version", "1.0")
	parts := multipart.NewWriter(&mail)
	field("Content-Type", "multipart/alternative; boundary="+parts.Boundary())
	mail.WriteString("\r\n")
	for _, part := range []struct {
		kind string
		text *sesText
	}{{"text/plain", simple.Body.Text}, {"text/html", simple.Body.HTML}} {
		if part.text == nil {
			continue
		}
		body, err := parts.CreatePart(textproto.MIMEHeader{
			"Content-Type":              {part.kind + "; charset=utf-8"},
			"Content-Transfer-Encoding": {"quoted-printable"},
		})
		if err != nil { // a buffer does not fail
			continue
		}
		encoder := quotedprintable.NewWriter(body)
		_, _ = encoder.Write([]byte(part.text.Data))
		_ = encoder.Close()
	}
	_ = parts.Close()
	return mail.Bytes()
}
