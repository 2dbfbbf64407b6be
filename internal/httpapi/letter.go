package httpapi

import (
	"maps"
	"slices"
	"strings"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/letter"
	"github.com/presswork/presswork/internal/template"
)

// checkLetter is an Invalid error about a template with a reserved name, which is one as such: there has to be such a letter, it
// is an e-mail and shows its link, and what else it reads has to be there. A letter without its link would leave its reader with
// nothing to do.
func checkLetter(engine template.Engine, s template.Set) error {
	var f fault.Fields
	if _, ok := letter.KindOfTemplate(s.Name); !ok {
		names := make([]string, 0, len(letter.Kinds()))
		for _, k := range letter.Kinds() {
			names = append(names, k.TemplateName())
		}
		f.Add("/name", "reserved", "names that begin with %s are for mail that Presswork writes itself: %s", letter.Reserved, strings.Join(names, ", "))
	}
	if s.Channel != string(channel.Email) {
		f.Add("/channel", "not_allowed", "must be email for such a name")
		return f.Err()
	}
	for _, tag := range slices.Sorted(maps.Keys(s.Languages)) {
		source, pointer := s.Languages[tag], "/languages/"+fault.Token(tag)
		checkLetterPart(&f, engine, pointer+"/subject", source.Subject, template.Text, false)
		checkLetterPart(&f, engine, pointer+"/html", source.HTML, template.HTML, true)
		checkLetterPart(&f, engine, pointer+"/text", source.Text, template.Text, source.Text != "")
	}
	return f.Err()
}

func checkLetterPart(f *fault.Fields, engine template.Engine, pointer, source string, kind template.Kind, links bool) {
	program, err := engine.Parse(pointer, source, kind)
	if err != nil {
		f.Add(pointer, "syntax", "cannot be read")
		return
	}
	variables := program.Variables()
	for _, problem := range template.CheckVariables(variables, messageShape(map[string]any{letter.Link: "", letter.Until: ""})) {
		f.Add(pointer, codeUnknownVariable, "%s", problem)
	}
	shows := slices.ContainsFunc(variables, func(v template.Variable) bool { return slices.Equal(v.Path, []string{nameData, letter.Link}) })
	if links && !shows {
		f.Add(pointer, "required", "must show {{ %s.%s }}", nameData, letter.Link)
	}
}
