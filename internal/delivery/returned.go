package delivery

import "github.com/presswork/presswork/internal/fault"

// CodeRejectedLater is the dead letters' code of a mail that the provider accepted and then would not send.
const CodeRejectedLater = "rejected_later"

// RejectedLetter is the dead letter of such a mail. cause is the provider's word for why.
func RejectedLetter(channel int16, cause string) *DeadLetter {
	return deadLetter(channel, fault.New(fault.GiveUp, CodeRejectedLater, cause))
}
