package app

import (
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/config"
)

// TestElementsThatRunAreRefused: an operator may let text into contents, and nothing that runs, frames or styles.
func TestElementsThatRunAreRefused(t *testing.T) {
	t.Parallel()
	for setting, wrong := range map[string]bool{"": false, "h4, Section,": false, "h4,script": true, "style": true, "svg": true, "h4 h5": true} {
		c, err := config.Load([]string{"PRESSWORK_CONTENT_ELEMENTS=" + setting})
		if err != nil {
			t.Fatal(err)
		}
		err = elements(c.ContentElements)
		if (err != nil) != wrong || wrong && !strings.HasPrefix(err.Error(), "PRESSWORK_CONTENT_ELEMENTS has ") {
			t.Errorf("%q: %v", setting, err)
		}
	}
}
