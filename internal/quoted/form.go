package quoted

import "strings"

// Form is a text with blanks, encoded once: filling it copies what is encoded and encodes what goes into the blanks.
// It never changes, and any number may fill it at once.
type Form struct {
	pieces []piece
	// fixed is the length of all pieces; times is how often each blank occurs.
	fixed int
	times []int
}

// Piece is a part of a form: text, and the number of the blank behind it, or None.
type Piece struct {
	Text  string
	Blank int
}

// None stands behind a piece without a blank.
const None = -1

type piece struct {
	Piece
	// code is the text in quoted-printable, from the start of a line.
	code []byte
}

// NewForm makes a form of pieces.
func NewForm(pieces []Piece) *Form {
	f := &Form{pieces: make([]piece, len(pieces))}
	for i, p := range pieces {
		f.pieces[i] = piece{p, Append(nil, p.Text)}
		f.fixed += len(p.Text)
		for p.Blank >= len(f.times) {
			f.times = append(f.times, 0)
		}
		if p.Blank != None {
			f.times[p.Blank]++
		}
	}
	return f
}

// Size is roughly what the form takes in memory, in bytes.
func (f *Form) Size() int {
	const overhead = 64
	n := overhead + f.fixed
	for _, p := range f.pieces {
		n += overhead + cap(p.code)
	}
	return n
}

// Fill is the text with values in its blanks, by their numbers; a value that is not there is empty. It keeps values,
// which must not be changed any more.
func (f *Form) Fill(values []string) Text { return Text{form: f, values: values} }

// Text is a string or a form that is filled. The zero value is empty.
type Text struct {
	plain  string
	form   *Form
	values []string
}

// Plain is the text that s says.
func Plain(s string) Text { return Text{plain: s} }

// Len is the length of String, in bytes, without making it.
func (t Text) Len() int {
	if t.form == nil {
		return len(t.plain)
	}
	n := t.form.fixed
	for i, times := range t.form.times {
		n += times * len(t.value(i))
	}
	return n
}

// String is the text as it is read.
func (t Text) String() string {
	if t.form == nil {
		return t.plain
	}
	var out strings.Builder
	out.Grow(t.Len())
	for _, p := range t.form.pieces {
		out.WriteString(p.Text)
		out.WriteString(t.value(p.Blank))
	}
	return out.String()
}

func (t Text) value(blank int) string {
	if blank < 0 || blank >= len(t.values) {
		return ""
	}
	return t.values[blank]
}

// Append adds the text in quoted-printable to dst and returns the longer slice. It decodes to what Append makes of
// String, with other soft line breaks: one stands on either side of each blank. So all that is fixed, and a value
// that was written before, is copied as it is, wherever it begins.
func (t Text) Append(dst []byte) []byte {
	if t.form == nil {
		return Append(dst, t.plain)
	}
	w := writer{dst: dst, last: '\n'}
	for i := range t.form.pieces {
		p := &t.form.pieces[i]
		w.put(p.Text, p.code)
		if v := t.value(p.Blank); v != "" {
			w.value(p.Blank, v)
		}
		if w.torn {
			return Append(dst, t.String())
		}
	}
	return w.dst
}

// writer puts encoded texts together, each on lines of its own.
type writer struct {
	dst []byte
	// last is the last character of what was put, or a line break if nothing was.
	last byte
	// torn: a line break lies across two texts, of which each has made one.
	torn bool
	// seen is where values stand in dst, by the number of their blank.
	seen [16]struct{ from, to int }
}

// put adds what encodes a text.
func (w *writer) put(text string, code []byte) {
	if w.join(text) {
		w.dst = append(w.dst, code...)
	}
}

// value adds what goes into a blank: encoded the first time, copied from there the next.
func (w *writer) value(blank int, text string) {
	if !w.join(text) {
		return
	}
	if blank >= len(w.seen) {
		w.dst = Append(w.dst, text)
		return
	}
	at := &w.seen[blank]
	if at.to > 0 {
		w.dst = append(w.dst, w.dst[at.from:at.to]...)
		return
	}
	at.from = len(w.dst)
	w.dst = Append(w.dst, text)
	at.to = len(w.dst)
}

// join ends the line before a text and reports whether there is one.
func (w *writer) join(text string) bool {
	if text == "" {
		return false
	}
	switch w.last {
	case '\n':
	case '\r':
		w.torn = w.torn || text[0] == '\n'
	default:
		w.dst = append(w.dst, softBreak...)
	}
	w.last = text[len(text)-1]
	return true
}
