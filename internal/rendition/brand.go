package rendition

// Brand is what templates see of the brand that a message is of. The zero value is none.
type Brand struct {
	Slug string `json:"slug"`
	Name string `json:"name"`
	// Logo is the address that it is shown from, empty for none.
	Logo string `json:"logo,omitempty"`
	// Color, TextColor and LinkColor are #rrggbb, or empty.
	Color         string `json:"color,omitempty"`
	TextColor     string `json:"text_color,omitempty"`
	LinkColor     string `json:"link_color,omitempty"`
	PostalAddress string `json:"postal_address,omitempty"`
	WebsiteURL    string `json:"website_url,omitempty"`
	PrivacyURL    string `json:"privacy_url,omitempty"`
	ImprintURL    string `json:"imprint_url,omitempty"`
	SupportEmail  string `json:"support_email,omitempty"`
	Language      string `json:"language,omitempty"`
}

// CSS are the rules that give the built-in layouts the brand's colours, for Input.CSS; empty if it has none. They say more
// exactly what they are about than those of the layouts, and so count more.
func (b Brand) CSS() string {
	css := ""
	if b.LinkColor != "" {
		css = ".item a, .body a { color: " + b.LinkColor + "; } a.button { color: #ffffff; }\n"
	}
	if b.Color != "" {
		css += "a.button { background-color: " + b.Color + "; color: " + b.TextColor + "; }\n"
	}
	return css
}

func (b Brand) data() map[string]any {
	return map[string]any{
		"slug": b.Slug, "name": b.Name, "logo": b.Logo, "color": b.Color, "text_color": b.TextColor, "link_color": b.LinkColor,
		"postal_address": b.PostalAddress, "website_url": b.WebsiteURL, "privacy_url": b.PrivacyURL, "imprint_url": b.ImprintURL,
		"support_email": b.SupportEmail, "language": b.Language,
	}
}
