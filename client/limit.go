package client

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Limit is one of the limits that hold for the caller (draft-ietf-httpapi-ratelimit-headers).
type Limit struct {
	Name string
	// Quota is how much there is in a window of this length; 0 if the answer does not say.
	Quota  int
	Window time.Duration
	// Remaining is what is left, until more comes after Reset; -1 if the answer does not say.
	Remaining int
	Reset     time.Duration
}

// limits reads RateLimit-Policy and RateLimit: lists of `"name";key=number;…`. What makes no sense is left out.
func limits(h http.Header) []Limit {
	var all []Limit
	for _, item := range items(h.Values("RateLimit-Policy")) {
		all = append(all, Limit{Name: item.name, Quota: item.numbers["q"], Window: seconds(item.numbers["w"]), Remaining: -1})
	}
	for _, item := range items(h.Values("RateLimit")) {
		left, ok := item.numbers["r"]
		if !ok {
			continue
		}
		found := false
		for i := range all {
			if all[i].Name == item.name {
				all[i].Remaining, all[i].Reset, found = left, seconds(item.numbers["t"]), true
			}
		}
		if !found {
			all = append(all, Limit{Name: item.name, Remaining: left, Reset: seconds(item.numbers["t"])})
		}
	}
	return all
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// item is one of a list of structured fields (RFC 9651): a string with parameters, of which only numbers matter here.
type item struct {
	name    string
	numbers map[string]int
}

func items(lines []string) []item {
	var all []item
	for _, line := range lines {
		for text := range strings.SplitSeq(line, ",") {
			name, parameters, _ := strings.Cut(strings.TrimSpace(text), ";")
			i := item{name: strings.Trim(name, `"`), numbers: map[string]int{}}
			if len(name) != len(i.name)+2 || i.name == "" {
				continue
			}
			for p := range strings.SplitSeq(parameters, ";") {
				key, value, _ := strings.Cut(strings.TrimSpace(p), "=")
				if n, err := strconv.ParseUint(value, 10, 31); err == nil {
					i.numbers[key] = int(n)
				}
			}
			all = append(all, i)
		}
	}
	return all
}
