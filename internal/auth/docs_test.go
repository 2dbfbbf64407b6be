package auth

import (
	"os"
	"strings"
	"testing"
)

// TestTheTableIsDocumented: docs/security.md shows exactly the table of roles and permissions. On a difference the error has
// the table to put there.
func TestTheTableIsDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	want.WriteString("| permission |")
	rule := "| --- |"
	for _, role := range Roles() {
		want.WriteString(" " + string(role) + " |")
		rule += " --- |"
	}
	want.WriteString("\n" + rule + "\n")
	for _, p := range Permissions() {
		want.WriteString("| `" + p.String() + "` |")
		for _, role := range Roles() {
			mark := " |"
			if role.Permissions().Has(p) {
				mark = " yes |"
			}
			want.WriteString(mark)
		}
		want.WriteString("\n")
	}
	if !strings.Contains(string(page), "\n\n"+want.String()+"\n") {
		t.Errorf("docs/security.md lacks this table:\n%s", want.String())
	}
}
