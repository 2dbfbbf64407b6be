package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// Fate says what a sender learnt of a message.
type Fate string

// The fates that a journal knows. Refusals are not among them: they are certain.
const (
	// Accepted messages were recorded, and the sender was told.
	Accepted Fate = "accepted"
	// Unanswered messages were recorded, and the connection closed without a word.
	Unanswered Fate = "unanswered"
	// Dropped messages were not recorded, and the connection closed without a word.
	Dropped Fate = "dropped"
)

// Entry is one line of a journal.
type Entry struct {
	At       time.Time `json:"at"`
	Provider string    `json:"provider"`
	Identity string    `json:"identity"`
	To       string    `json:"to"`
	Fate     Fate      `json:"fate"`
}

// journal writes an Entry as a line of JSON for each message, in order of arrival. Nil writes none.
type journal struct {
	mu  sync.Mutex
	to  io.Writer
	err error // of the first line that could not be written; none is after it
}

func (j *journal) note(m *Message, fate Fate) {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return
	}
	line, err := json.Marshal(Entry{time.Now().UTC(), m.Provider, m.Identity, m.To, fate})
	if err == nil {
		_, err = j.to.Write(append(line, '\n'))
	}
	if err != nil {
		j.err = fmt.Errorf("write the journal: %w", err)
	}
}

// problem is why the journal is not whole; nil if it is.
func (j *journal) problem() error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}

// ReadJournal reads what a journal holds so far. A last line that is still being written is left out.
func ReadJournal(from io.Reader) ([]Entry, error) {
	var all []Entry
	for decoder := json.NewDecoder(from); ; {
		var e Entry
		err := decoder.Decode(&e)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the journal: %w", err)
		}
		all = append(all, e)
	}
}
