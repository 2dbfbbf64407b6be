// Package zone knows the names of time zones.
package zone

import (
	"errors"
	"regexp"
	"time"
)

// maxName is the longest name in bytes. The longest of the database has 32.
const maxName = 64

// hostZones are no zones of the database but files beside it on some hosts: the host's own zone, and copies
// under other names, which another host may lack.
var hostZones = regexp.MustCompile(`(?i)^(local|localtime|posixrules|factory|(posix|right)/.*)$`)

// Check returns nil if a name is that of a zone of the IANA database, by which every host knows it. "" and UTC are.
func Check(name string) error {
	if len(name) > maxName || hostZones.MatchString(name) {
		return errors.New("not a time zone's name")
	}
	_, err := time.LoadLocation(name)
	return err
}
