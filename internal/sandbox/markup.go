package sandbox

import (
	"html/template"
	"regexp"
	"strings"
)

// Chats' markup, as far as it is shown: links, named as Slack does it or bare, and bold text.
// https://docs.slack.dev/messaging/formatting-message-text
var (
	chatLink = regexp.MustCompile(`<(https?://[^\s|<>]+)(?:\|([^<>]*))?>|https?://[^\s<>()]+`)
	chatBold = regexp.MustCompile(`\*{1,2}([^*\n]+)\*{1,2}`)
	// chatEscapes are the three characters that Slack wants escaped.
	chatEscapes = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")
)

// chatMarkup makes HTML of what was said in a chat.
func chatMarkup(text string) template.HTML {
	var out strings.Builder
	end := 0
	for _, at := range chatLink.FindAllStringSubmatchIndex(text, -1) {
		out.WriteString(escapedChat(text[end:at[0]]))
		end = at[1]
		url := text[at[0]:at[1]]
		if at[2] >= 0 {
			url = text[at[2]:at[3]]
		}
		label := url
		if at[4] >= 0 {
			label = text[at[4]:at[5]]
		}
		out.WriteString(`<a href="` + escapedChat(url) + `" target="_blank" rel="noreferrer">` + escapedChat(label) + "</a>")
	}
	out.WriteString(escapedChat(text[end:]))
	return template.HTML(chatBold.ReplaceAllString(out.String(), "<b>$1</b>")) //nolint:gosec // all of the text is escaped
}

func escapedChat(text string) string { return template.HTMLEscapeString(chatEscapes.Replace(text)) }
