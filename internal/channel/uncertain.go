package channel

import "errors"

// SettingUncertain says what becomes of recipients of whom nobody knows whether they were reached: "hold" leaves that to
// people, "resend" sends once more. Without it the kind of channel and of publication decide (delivery.Doubt).
const SettingUncertain = "on_uncertain"

func uncertainSetting() Setting {
	return Setting{
		Name: SettingUncertain,
		Doc:  "What becomes of recipients of whom nobody knows whether they were reached: hold, or resend once.",
		Valid: func(value string) error {
			if value != "hold" && value != "resend" {
				return errors.New("must be hold or resend")
			}
			return nil
		},
	}
}
