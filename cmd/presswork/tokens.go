package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/internal/app"
)

func tokensCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "tokens",
		Short: "Make a token as a backend module would, or read one",
	}
	command.AddCommand(tokensIssueCommand(), tokensShowCommand())
	return command
}

func tokensIssueCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "issue", Short: "Sign a token with SECRET_KEY and print it", Args: cobra.NoArgs,
		Long: "Sign a token (JWT, HS256) with SECRET_KEY for the issuer and audience in PRESSWORK_JWT_ISSUER and PRESSWORK_JWT_AUDIENCE.\n" +
			"It cannot be revoked: let it live shortly. An API that has PRESSWORK_JWKS_URL takes none of these.",
	}
	var order app.TokenOrder
	flags := command.Flags()
	choose(flags, &order.Subject, "subject", "whom it stands for")
	flags.StringArrayVar(&order.Roles, "role", nil, "admin, publisher, analyst or ops; may be repeated")
	flags.StringArrayVar(&order.Scopes, "scope", nil, "what of the roles it may use; may be repeated (all of it)")
	flags.DurationVar(&order.Lifetime, "expires", 15*time.Minute, "how long it is good")
	must(command, "subject", "role")
	command.RunE = func(c *cobra.Command, _ []string) error {
		token, err := app.IssueToken(c.Context(), order)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(c.OutOrStdout(), token)
		return err
	}
	return command
}

func tokensShowCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "show TOKEN", Short: "Print what a token says", Args: cobra.ExactArgs(1),
		Long: "Print the header and the claims of a token as JSON. Nothing is verified: anybody can have written them.",
	}
	command.RunE = func(c *cobra.Command, args []string) error {
		shown, err := readToken(args[0])
		if err != nil {
			return err
		}
		return printJSON(c, shown)
	}
	return command
}

// shownToken is what a token says.
type shownToken struct {
	Header json.RawMessage `json:"header"`
	Claims json.RawMessage `json:"claims"`
}

func readToken(text string) (shownToken, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return shownToken{}, errors.New("this is no token: it has to have three parts with dots between")
	}
	var shown shownToken
	for i, into := range []*json.RawMessage{&shown.Header, &shown.Claims} {
		body, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || !json.Valid(body) {
			return shownToken{}, fmt.Errorf("part %d of the token is not JSON in base64url", i+1)
		}
		*into = body
	}
	return shown, nil
}
