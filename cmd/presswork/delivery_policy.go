package main

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

func deliveryPolicyCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "delivery-policy",
		Short: "Show and change when readers may be sent to, and how much",
		Long: `The organisation's quiet hours, caps, and the hour and template of digests. docs/operations.md says what is put off by them,
and until when.`,
	}
	command.AddCommand(policyShowCommand(), policySetCommand())
	return command
}

func policyShowCommand() *cobra.Command {
	command := &cobra.Command{Use: "show", Short: "Show the policy", Args: cobra.NoArgs}
	asJSON := jsonFlag(command)
	return withAPI(command, func(c *cobra.Command, remote *client.Client, _ []string) error {
		p, err := remote.GetDeliveryPolicy(c.Context())
		if err != nil {
			return err
		}
		return showPolicy(c, p, *asJSON)
	})
}

// policyFlags are what somebody wants to be otherwise.
type policyFlags struct {
	quiet                            hours
	caps                             capList
	digestTime, weekday, template    string
	noQuiet, noCaps, builtInTemplate bool
}

func policySetCommand() *cobra.Command {
	var f policyFlags
	command := &cobra.Command{
		Use:   "set",
		Short: "Change of the policy what the flags say; the rest stays",
		Long: `Changes of the policy what the flags say; the rest stays. --cap is given once for each cap, and all of them replace those that
there are. Hours are of each reader's own day. It counts within seconds; what is put off by it already is looked at again,
5,000 at a time.`,
		Example: "  presswork delivery-policy set --quiet-hours 22:00-07:00 --cap 3/24h --cap news=1/168h\n" +
			"  presswork delivery-policy set --no-quiet-hours --digest-time 17:30 --digest-weekday friday",
		Args: cobra.NoArgs,
	}
	flags := command.Flags()
	flags.Var(&f.quiet, "quiet-hours", "when nobody is sent to who did not say otherwise, as 22:00-07:00")
	flags.Var(&f.caps, "cap", "at most so many messages in any so many hours, as 3/24h, or of a topic, as news=1/168h; may be repeated")
	choose(flags, &f.digestTime, "digest-time", "when digests go out, as 08:00")
	choose(flags, &f.weekday, "digest-weekday", "the day of weekly ones, as monday")
	choose(flags, &f.template, "digest-template", "the name of the template that digests are written with")
	flags.BoolVar(&f.noQuiet, "no-quiet-hours", false, "no quiet hours but the readers' own")
	flags.BoolVar(&f.noCaps, "no-caps", false, "no caps")
	flags.BoolVar(&f.builtInTemplate, "built-in-digest-template", false, "digests are written with the built-in template")
	asJSON := jsonFlag(command)
	for _, pair := range [][]string{{"quiet-hours", "no-quiet-hours"}, {"cap", "no-caps"}, {"digest-template", "built-in-digest-template"}} {
		command.MarkFlagsMutuallyExclusive(pair...)
	}
	command.MarkFlagsOneRequired("quiet-hours", "no-quiet-hours", "cap", "no-caps", "digest-time", "digest-weekday", "digest-template", "built-in-digest-template")
	return withAPI(command, func(c *cobra.Command, remote *client.Client, _ []string) error {
		p, err := remote.GetDeliveryPolicy(c.Context())
		if err != nil {
			return err
		}
		if p, err = remote.PutDeliveryPolicy(c.Context(), f.changed(p), client.IfVersion(p.Version)); err != nil {
			return err
		}
		return showPolicy(c, p, *asJSON)
	})
}

// changed is a policy with what is given.
func (f *policyFlags) changed(p api.DeliveryPolicy) api.DeliveryPolicyInput {
	in := api.DeliveryPolicyInput{Caps: p.Caps, Digest: p.Digest}
	if p.QuietHours != nil {
		in.QuietHours = *p.QuietHours
	}
	if p.DigestTemplate != nil {
		in.DigestTemplate = *p.DigestTemplate
	}
	in.Digest.Time = cmp.Or(f.digestTime, in.Digest.Time)
	in.Digest.Weekday = cmp.Or(api.DigestTimeWeekday(f.weekday), in.Digest.Weekday)
	in.DigestTemplate = cmp.Or(f.template, in.DigestTemplate)
	in.QuietHours = cmp.Or(api.QuietHours(f.quiet), in.QuietHours)
	if len(f.caps) > 0 {
		in.Caps = f.caps
	}
	if f.noQuiet {
		in.QuietHours = api.QuietHours{}
	}
	if f.noCaps {
		in.Caps = nil
	}
	if f.builtInTemplate {
		in.DigestTemplate = ""
	}
	return in
}

func showPolicy(c *cobra.Command, p api.DeliveryPolicy, asJSON bool) error {
	if asJSON {
		return printJSON(c, p)
	}
	quiet, template := "none", "built-in"
	if p.QuietHours != nil {
		quiet = p.QuietHours.From + " to " + p.QuietHours.To
	}
	if p.DigestTemplate != nil {
		template = *p.DigestTemplate
	}
	out := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintf(out, "quiet hours\t%s\ndigests\t%s, weekly ones on %s\ndigest template\t%s\n", quiet, p.Digest.Time, p.Digest.Weekday, template)
	for _, one := range p.Caps {
		_, _ = fmt.Fprintf(out, "at most\t%d of %s in any %d hours\n", one.Limit, cmp.Or(one.Topic, "everything"), one.Hours)
	}
	_, _ = fmt.Fprintf(out, "version\t%d, of %s\n", p.Version, p.UpdatedAt.Format(time.DateTime))
	return out.Flush()
}

// hours is the value of a flag that is a part of the day. What the times may be, the API knows.
type hours api.QuietHours

// String is the value.
func (h *hours) String() string {
	if *h == (hours{}) {
		return ""
	}
	return h.From + "-" + h.To
}

// Type is what the help calls the value.
func (*hours) Type() string { return "hours" }

// Set takes two times with a dash between them.
func (h *hours) Set(text string) error {
	from, to, found := strings.Cut(text, "-")
	if !found || from == "" || to == "" {
		return errors.New("must be two times, as 22:00-07:00")
	}
	*h = hours{From: from, To: to}
	return nil
}

// capList is the value of a flag that may be given several times, once for each cap.
type capList []api.FrequencyCap

// String is the value.
func (l *capList) String() string {
	texts := make([]string, 0, len(*l))
	for _, one := range *l {
		text := fmt.Sprintf("%d/%dh", one.Limit, one.Hours)
		if one.Topic != "" {
			text = one.Topic + "=" + text
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ",")
}

// Type is what the help calls the value.
func (*capList) Type() string { return "cap" }

// Set takes one cap more. Which numbers and topics there may be, the API knows.
func (l *capList) Set(text string) error {
	wrong := errors.New("must be a number of messages and of hours, as 3/24h, or with a topic, as news=1/168h")
	topic, amount, ofTopic := strings.Cut(text, "=")
	if !ofTopic {
		topic, amount = "", text
	}
	limit, rest, _ := strings.Cut(amount, "/")
	number, err := strconv.Atoi(limit)
	if err != nil || ofTopic && topic == "" {
		return wrong
	}
	within, found := strings.CutSuffix(rest, "h")
	of, err := strconv.Atoi(within)
	if err != nil || !found {
		return wrong
	}
	*l = append(*l, api.FrequencyCap{Topic: topic, Limit: number, Hours: of})
	return nil
}
