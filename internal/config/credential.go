package config

// Credential is the setting of a provider's variable (SMTP_URL, SLACK_BOT_TOKEN, …), "" for another name.
func (c *Config) Credential(name string) string {
	return map[string]string{
		"SMTP_URL": c.SMTPURL, "SLACK_BOT_TOKEN": c.SlackBotToken, "DISCORD_BOT_TOKEN": c.DiscordBotToken,
		"AWS_ACCESS_KEY_ID": c.AWSAccessKeyID, "AWS_SECRET_ACCESS_KEY": c.AWSSecretAccessKey, "AWS_SESSION_TOKEN": c.AWSSessionToken,
	}[name]
}
