package config

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/presswork/presswork/tasks"
)

func TestParsePools(t *testing.T) {
	t.Parallel()
	every := slices.Sorted(maps.Keys(tasks.Queues()))
	for text, want := range map[string][]Pool{
		"":              {{"all", every, 1, 10}},
		" all:0-3 = * ": {{"all", every, 0, 3}},
		"mail:0-20=email, newsletter;fast=critical": {{"mail", []string{"email", "newsletter"}, 0, 20}, {"fast", []string{"critical"}, 1, 10}},
	} {
		got, err := ParsePools(text)
		if err != nil || !slices.EqualFunc(got, want, func(a, b Pool) bool {
			return a.Name == b.Name && a.Min == b.Min && a.Max == b.Max && slices.Equal(a.Queues, b.Queues)
		}) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for text, reason := range map[string]string{
		"mail":                     "NAME=QUEUE",
		"Mail=email":               "name of a pool",
		"=email":                   "name of a pool",
		"mail:=email":              "two numbers",
		"mail:5=email":             "two numbers",
		"mail:5-2=email":           "less than",
		"mail:0-0=email":           "less than",
		"mail=post":                `"post"`,
		"mail=":                    `""`,
		"mail=email,email":         "twice",
		"mail=email;mail=slack":    "twice",
		"mail=email;":              "NAME=QUEUE",
		"mail:0-99999=email,slack": "two numbers",
	} {
		if _, err := ParsePools(text); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%q: %v, want it to say %s", text, err, reason)
		}
	}
}

func FuzzParsePools(f *testing.F) {
	f.Add("mail:0-20=email,newsletter;fast=critical")
	f.Add("all=*")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := ParsePools(text)
		if err != nil {
			return
		}
		for _, p := range list {
			if p.Name == "" || len(p.Queues) == 0 || p.Min < 0 || p.Max < 1 || p.Max < p.Min {
				t.Errorf("%q: %+v", text, p)
			}
		}
	})
}
