package channel

import (
	"errors"

	"github.com/presswork/presswork/internal/credential"
)

// unreal is a credential that cannot be a real one.
type unreal struct {
	// name is that of the secret, or of the variable that it comes from.
	name string
	why  error
}

// Refused says why a channel's credentials cannot be real ones, as "bot_token is a placeholder" or, of what the environment
// gives, "SLACK_BOT_TOKEN is a placeholder". Nothing is said of those that are Missing or Unreadable.
func (r *Registry) Refused(c Channel) []string {
	var list []string
	for _, u := range r.unreal(c) {
		list = append(list, u.name+" "+u.why.Error())
	}
	return list
}

// pretended reports whether one of the credentials is a placeholder. Others that cannot be real may be a stand-in's.
func (r *Registry) pretended(c Channel) bool {
	for _, u := range r.unreal(c) {
		if errors.Is(u.why, credential.ErrPlaceholder) {
			return true
		}
	}
	return false
}

func (r *Registry) unreal(c Channel) []unreal {
	if c.Unreadable {
		return nil
	}
	filled := r.filled(c)
	var list []unreal
	for _, s := range r.byName[c.Provider].Settings {
		value := filled.Secrets[s.Name]
		if !s.Secret || s.Real == nil || value == "" {
			continue
		}
		why := s.Real(value)
		if why == nil {
			continue
		}
		name := s.Name
		if c.Secrets[s.Name] == "" {
			name = s.Env
		}
		list = append(list, unreal{name, why})
	}
	return list
}
