package slack

import (
	"regexp"
	"strings"

	"github.com/slack-go/slack"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/provider/excerpt"
)

// Slack's limits, in characters.
const (
	maxText    = 40_000 // https://docs.slack.dev/reference/methods/chat.postMessage#truncating
	maxBlocks  = 50     // https://docs.slack.dev/reference/block-kit/blocks
	maxHeader  = 150    // https://docs.slack.dev/reference/block-kit/blocks/header-block
	maxSection = 3000   // https://docs.slack.dev/reference/block-kit/blocks/section-block
	maxTitle   = 500    // ours: leaves the rest of a section to the summary
	// maxTotal is for all sections together. It is not documented: posts with blocks of some 13,200
	// characters are refused as msg_blocks_too_long (https://github.com/slackapi/bolt-js/issues/2509).
	maxTotal = 12_000
)

// fallback is what notifications and clients without blocks show.
func fallback(p *channel.Post) string {
	if p.Text == "" {
		return escape(p.Title, maxText)
	}
	return markup(p.Text, maxText)
}

// blocks are a header, a section for each item (or one with the text) and a line with the link. What does
// not fit is cut, and items beyond the limits are left to the link.
func blocks(p *channel.Post) []slack.Block {
	var list []slack.Block
	if title := strings.TrimSpace(p.Title); title != "" {
		title = excerpt.Cut(title, maxHeader, excerpt.Units)
		list = append(list, slack.NewHeaderBlock(slack.NewTextBlockObject(slack.PlainTextType, title, true, false)))
	}
	sections := make([]string, 0, len(p.Items))
	for _, item := range p.Items {
		sections = append(sections, section(item))
	}
	if len(sections) == 0 {
		sections = append(sections, markup(p.Text, maxSection))
	}
	total := 0
	for _, text := range sections {
		// One place is kept for the line with the link.
		if total += excerpt.Cost(text, excerpt.Units); total > maxTotal || len(list) == maxBlocks-1 {
			break
		}
		if strings.TrimSpace(text) != "" {
			list = append(list, slack.NewSectionBlock(mrkdwn(text), nil, nil))
		}
	}
	if note := footer(p); note != "" {
		list = append(list, slack.NewContextBlock("", mrkdwn(note)))
	}
	return list
}

// section is an item's title, as a link if it has one, above its summary.
func section(item channel.PostItem) string {
	summary := item.Summary
	if summary == "" {
		summary = item.Text
	}
	head := ""
	if title := oneLine(item.Title); title != "" {
		head = "*" + link(item.URL, title) + "*\n"
	}
	return head + escape(summary, maxSection-excerpt.Cost(head, excerpt.Units))
}

func footer(p *channel.Post) string {
	note := escape(oneLine(p.Type), maxTitle)
	if p.URL == "" {
		return note
	}
	if note != "" {
		note += " · "
	}
	return note + link(p.URL, "View in browser")
}

// link is text that leads to a URL. A URL too long for a section is dropped.
func link(url, text string) string {
	text = escape(text, maxTitle)
	target := linkEscaper.Replace(url)
	if target == "" || len(target) > maxSection/2 {
		return text
	}
	return "<" + target + "|" + text + ">"
}

// linkEscaper keeps a URL from ending its link.
var linkEscaper = strings.NewReplacer("&", "&amp;", "<", "%3C", ">", "%3E", "|", "%7C", " ", "%20", "\n", "", "\r", "")

// textEscaper escapes the three characters that are special in mrkdwn:
// https://docs.slack.dev/messaging/formatting-message-text#escaping
var textEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// escape cuts text so that it has at most limit characters once escaped, and escapes it.
func escape(text string, limit int) string {
	return textEscaper.Replace(cut(text, limit))
}

// written is what a template for Slack may say in mrkdwn: links, and characters that it has escaped itself.
// Mentions are not among it: whoever writes contents must not call everybody.
var written = regexp.MustCompile(`<(?:https?://|mailto:)[^<>\n]*>|&(?:amp|lt|gt);`)

// markup is escape for text that is mrkdwn already, as a template made it: its links stay links.
func markup(text string, limit int) string {
	text = cut(text, limit)
	var out strings.Builder
	end := 0
	for _, at := range written.FindAllStringIndex(text, -1) {
		out.WriteString(textEscaper.Replace(text[end:at[0]]))
		out.WriteString(text[at[0]:at[1]])
		end = at[1]
	}
	out.WriteString(textEscaper.Replace(text[end:]))
	return out.String()
}

// cut leaves at most limit characters, counted as if all that can be escaped were.
func cut(text string, limit int) string {
	return excerpt.Cut(text, limit, func(r rune) int {
		switch r {
		case '&':
			return len("&amp;")
		case '<', '>':
			return len("&lt;")
		}
		return excerpt.Units(r)
	})
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func mrkdwn(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, text, false, false)
}
