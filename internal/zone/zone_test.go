package zone_test

import (
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/zone"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, good := range map[string]bool{
		"": true, "UTC": true, "Europe/Lisbon": true, "America/Argentina/Buenos_Aires": true, "Etc/GMT-14": true,
		"Local": false, "local": false, "localtime": false, "posixrules": false, "Factory": false, "posix/Europe/Berlin": false,
		"right/UTC": false, "Mars/Olympus": false, "../etc/passwd": false, "Europe/Berlin\x00": false, strings.Repeat("a", 65): false,
	} {
		if err := zone.Check(name); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}
