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

// blocks are a header, a section for each item (or the text) and a line with the link. What does not fit is cut, and
// items beyond the limits are left to the link. Of a custom post they are the text alone: its template has said where
// title, items and link belong. If it has said nothing, the post is shown as any other.
func blocks(p *channel.Post) []slack.Block {
	var list []slack.Block
	if p.Custom && strings.TrimSpace(p.Text) != "" {
		for _, text := range sections(p.Text) {
			list = append(list, slack.NewSectionBlock(mrkdwn(text), nil, nil))
		}
		return list
	}
	if title := strings.TrimSpace(p.Title); title != "" {
		title = excerpt.Cut(title, maxHeader, excerpt.Units)
		list = append(list, slack.NewHeaderBlock(slack.NewTextBlockObject(slack.PlainTextType, title, true, false)))
	}
	texts := make([]string, 0, len(p.Items))
	for _, item := range p.Items {
		texts = append(texts, section(item))
	}
	if len(texts) == 0 {
		texts = sections(p.Text)
	}
	total := 0
	for _, text := range texts {
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

// sections are a template's text in pieces that fit, up to maxTotal: some ten, since of two that follow each other one is
// at least half full.
func sections(text string) []string {
	var list []string
	for room := maxTotal; ; {
		text = strings.TrimLeft(text, "\r\n")
		if strings.TrimSpace(text) == "" {
			return list
		}
		if room <= maxSection {
			return append(list, markup(text, room))
		}
		piece, rest := split(text)
		if strings.TrimSpace(piece) != "" {
			list = append(list, markup(piece, maxSection))
		}
		room -= excerpt.Cost(piece, escapedCost)
		text = rest
	}
}

// split takes a section's worth from the start of a template's text, without breaking a link, unless it is longer than
// that.
func split(text string) (piece, rest string) {
	piece, rest = excerpt.Split(text, maxSection, escapedCost)
	if rest == "" {
		return piece, rest
	}
	for _, at := range written.FindAllStringIndex(text, -1) {
		if 0 < at[0] && at[0] < len(piece) && len(piece) < at[1] {
			return text[:at[0]], text[at[0]:]
		}
	}
	return piece, rest
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
func cut(text string, limit int) string { return excerpt.Cut(text, limit, escapedCost) }

func escapedCost(r rune) int {
	switch r {
	case '&':
		return len("&amp;")
	case '<', '>':
		return len("&lt;")
	}
	return excerpt.Units(r)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func mrkdwn(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, text, false, false)
}
