package discord

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/bwmarrin/discordgo"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/provider/excerpt"
)

// Discord's limits, in characters: https://discord.com/developers/docs/resources/message#embed-object-embed-limits
const (
	maxContent     = 2000
	maxEmbeds      = 10
	maxTitle       = 256
	maxDescription = 4096
	maxTotal       = 6000 // of all embeds of a message together
	maxURL         = 2048
	nonceBytes     = 15 // 20 characters; 25 are allowed
)

// message is discordgo.MessageSend with the nonce it lacks, less what is not used.
type message struct {
	Content         string                            `json:"content,omitempty"`
	Embeds          []*discordgo.MessageEmbed         `json:"embeds,omitempty"`
	AllowedMentions *discordgo.MessageAllowedMentions `json:"allowed_mentions"`
	Nonce           string                            `json:"nonce,omitempty"`
	EnforceNonce    bool                              `json:"enforce_nonce,omitempty"`
}

// compose puts the title and the link into the content and each item into an embed; without items, the
// text. Of a custom post the text alone is shown, in the content and, where that is too short, in embeds: its template has
// said where title, items and link belong. No text can mention anybody.
func compose(m *channel.Message, enforceNonce bool) (*message, error) {
	if m.Post == nil || (strings.TrimSpace(m.Post.Title+m.Post.Text) == "" && len(m.Post.Items) == 0) {
		return nil, fault.New(fault.GiveUp, "empty_message", "There is no post to send.")
	}
	out := &message{
		Content:         content(m.Post),
		Embeds:          embeds(m.Post),
		AllowedMentions: &discordgo.MessageAllowedMentions{Parse: []discordgo.AllowedMentionType{}},
	}
	if text := strings.TrimSpace(m.Post.Text); m.Post.Custom && text != "" {
		out.Content, out.Embeds = written(text)
	}
	if enforceNonce {
		out.Nonce, out.EnforceNonce = nonce(m.ID), true
	}
	return out, nil
}

// written is a template's text in pieces that fit.
func written(text string) (content string, list []*discordgo.MessageEmbed) {
	content, rest := excerpt.Split(text, maxContent, excerpt.Units)
	for room := maxTotal; strings.TrimSpace(rest) != ""; {
		var piece string
		if room <= maxDescription {
			piece, rest = excerpt.Cut(rest, room, excerpt.Units), ""
		} else {
			piece, rest = excerpt.Split(rest, maxDescription, excerpt.Units)
		}
		room -= excerpt.Cost(piece, excerpt.Units)
		list = append(list, &discordgo.MessageEmbed{Type: discordgo.EmbedTypeRich, Description: piece})
	}
	return content, list
}

func content(p *channel.Post) string {
	link := ""
	if p.URL != "" && len(p.URL) <= maxContent/2 {
		link = "\n" + p.URL
	}
	return excerpt.Cut(strings.TrimSpace(p.Title), maxContent-len(link), excerpt.Units) + link
}

// embeds gives each embed an equal share of what all may have.
func embeds(p *channel.Post) []*discordgo.MessageEmbed {
	items := p.Items[:min(len(p.Items), maxEmbeds)]
	if len(items) == 0 {
		items = []channel.PostItem{{Text: p.Text}}
	}
	share := maxTotal / len(items)
	var list []*discordgo.MessageEmbed
	for _, item := range items {
		text := item.Summary
		if text == "" {
			text = item.Text
		}
		title := excerpt.Cut(strings.TrimSpace(item.Title), min(maxTitle, share/2), excerpt.Units)
		rest := share - excerpt.Cost(title, excerpt.Units)
		text = excerpt.Cut(strings.TrimSpace(text), min(maxDescription, rest), excerpt.Units)
		if title == "" && text == "" {
			continue
		}
		embed := &discordgo.MessageEmbed{Type: discordgo.EmbedTypeRich, Title: title, Description: text}
		if len(item.URL) <= maxURL {
			embed.URL = item.URL
		}
		list = append(list, embed)
	}
	return list
}

// nonce is the same in every attempt at a delivery, so that Discord drops a repeat within minutes.
func nonce(id channel.Identity) string {
	sum := sha256.Sum256([]byte(id.String()))
	return base64.RawURLEncoding.EncodeToString(sum[:nonceBytes])
}
