package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// span is a time span as JSON text.
type span time.Duration

// MarshalText writes "20ms".
func (s span) MarshalText() ([]byte, error) { return []byte(time.Duration(s).String()), nil }

// UnmarshalText reads what MarshalText wrote, and any other form of time.ParseDuration.
func (s *span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	*s = span(d)
	return err
}

// plainFault is a Fault without its JSON methods.
type plainFault Fault

// faultDocument is a Fault as it is written in JSON.
type faultDocument struct {
	*plainFault
	Latency span `json:"latency,omitzero"`
	Jitter  span `json:"jitter,omitzero"`
}

// MarshalJSON writes the fault with its time spans as text.
func (f Fault) MarshalJSON() ([]byte, error) {
	plain := plainFault(f)
	return json.Marshal(faultDocument{&plain, span(f.Latency), span(f.Jitter)})
}

// UnmarshalJSON reads what MarshalJSON writes, and refuses names it does not know.
func (f *Fault) UnmarshalJSON(data []byte) error {
	var plain plainFault
	document := faultDocument{plainFault: &plain}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&document); err != nil {
		return err
	}
	*f = Fault(plain)
	f.Latency, f.Jitter = time.Duration(document.Latency), time.Duration(document.Jitter)
	return nil
}

// ParseFaults reads one fault or a list of them, and checks them.
func ParseFaults(data []byte) ([]Fault, error) {
	var list []Fault
	if trimmed := bytes.TrimSpace(data); len(trimmed) > 0 && trimmed[0] == '[' {
		if err := json.Unmarshal(trimmed, &list); err != nil {
			return nil, fmt.Errorf("read faults: %w", err)
		}
	} else {
		list = make([]Fault, 1)
		if err := json.Unmarshal(trimmed, &list[0]); err != nil {
			return nil, fmt.Errorf("read fault: %w", err)
		}
	}
	for _, fault := range list {
		if err := fault.check(); err != nil {
			return nil, fmt.Errorf("read fault: %w", err)
		}
	}
	return list, nil
}
