package auth

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/fault"
)

func TestEveryPermissionHasAText(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, p := range Permissions() {
		text := p.String()
		resource, verb, found := strings.Cut(text, ":")
		if !found || resource == "" || verb == "" || seen[text] {
			t.Errorf("%d is %q", p, text)
		}
		seen[text] = true
		if back, known := ParsePermission(text); !known || back != p {
			t.Errorf("%s comes back as %s", text, back)
		}
	}
	if len(seen) != int(permissionCount) || len(scopes()) != int(permissionCount) || permissionCount > 64 {
		t.Errorf("%d texts for %d permissions", len(seen), permissionCount)
	}
	for _, text := range []string{"", "topics", "Topics:read", "topics:read ", "*", "unknown"} {
		if _, known := ParsePermission(text); known {
			t.Errorf("%q is a scope", text)
		}
	}
	if got := Permission(200).String(); got != "unknown" || SetOf(TopicsRead).Has(200) {
		t.Error(got)
	}
}

// TestRolesAreAsMeant is the intent, in words of its own: what each role must never be able to do, and what it is for.
func TestRolesAreAsMeant(t *testing.T) {
	t.Parallel()
	personal := []Permission{SubscribersRead, SubscribersWrite, SubscribersExport, RecipientsRead}
	power := []Permission{APIKeysRead, APIKeysWrite, ChannelsWrite, SendersWrite, SuppressionsWrite}
	for role, c := range map[Role]struct{ never, can []Permission }{
		Admin:     {nil, Permissions()},
		Publisher: {append(power, OpsAccess, PausesWrite, DeadLettersWrite, UncertainWrite), append(personal, PublicationsWrite, TemplatesWrite, TopicsWrite)},
		Analyst:   {append(append(personal, power...), OpsAccess, PublicationsWrite, PublicationsControl, PausesWrite, QueuesRead), []Permission{AnalyticsRead, PublicationsRead}},
		Ops:       {append(append(personal, power...), PublicationsWrite, TemplatesWrite, ContentsWrite), []Permission{OpsAccess, PausesWrite, DeadLettersWrite, UncertainWrite, PublicationsControl}},
		"root":    {Permissions(), nil},
		"":        {Permissions(), nil},
	} {
		p := Principal{Roles: []Role{role}}
		for _, what := range c.never {
			if p.Allows(what) {
				t.Errorf("%s may %s", role, what)
			}
		}
		for _, what := range c.can {
			if !p.Allows(what) {
				t.Errorf("%s may not %s", role, what)
			}
		}
	}
	for _, what := range Analyst.Permissions().List() {
		if !strings.HasSuffix(what.String(), ":read") {
			t.Errorf("an analyst may %s", what)
		}
	}
}

// TestScopesOnlyNarrow: the permissions of a principal are the union of its roles', cut by its scopes.
func TestScopesOnlyNarrow(t *testing.T) {
	t.Parallel()
	role := rapid.SampledFrom(append(Roles(), "unknown"))
	permission := rapid.SampledFrom(Permissions())
	rapid.Check(t, func(t *rapid.T) {
		p := Principal{Roles: rapid.SliceOfN(role, 0, 4).Draw(t, "roles")}
		if rapid.Bool().Draw(t, "scoped") {
			p.Scopes = append([]Permission{}, rapid.SliceOfN(permission, 0, 8).Draw(t, "scopes")...)
		}
		for _, what := range Permissions() {
			byRole := slices.ContainsFunc(p.Roles, func(r Role) bool { return slices.Contains(r.Permissions().List(), what) })
			byScope := p.Scopes == nil || slices.Contains(p.Scopes, what)
			if p.Allows(what) != (byRole && byScope) {
				t.Fatalf("%+v: %s is %t", p, what, p.Allows(what))
			}
		}
		wider := p
		wider.Roles = append(slices.Clone(p.Roles), role.Draw(t, "another"))
		if !wider.Permissions().Contains(p.Permissions()) {
			t.Fatal("another role takes something away")
		}
		if p.Scopes != nil && !wider.Permissions().Contains((Principal{Roles: p.Roles, Scopes: append(slices.Clone(p.Scopes), TopicsRead)}).Permissions()&^SetOf(TopicsRead)) {
			t.Fatal("another scope adds something else")
		}
		if got := SetOf(p.Permissions().List()...); got != p.Permissions() {
			t.Fatalf("%b came back as %b", p.Permissions(), got)
		}
	})
}

// TestNobodyGrantsMoreThanTheyHave, whatever the roles and scopes of both.
func TestNobodyGrantsMoreThanTheyHave(t *testing.T) {
	t.Parallel()
	role := rapid.SampledFrom(Roles())
	scopes := rapid.SliceOfN(rapid.SampledFrom(Permissions()), 0, 6)
	draw := func(t *rapid.T, name string) []Permission {
		if rapid.Bool().Draw(t, name+" scoped") {
			return append([]Permission{}, scopes.Draw(t, name)...)
		}
		return nil
	}
	rapid.Check(t, func(t *rapid.T) {
		by := Principal{Roles: []Role{role.Draw(t, "role")}, Scopes: draw(t, "by")}
		k := Key{Role: role.Draw(t, "key's role"), Scopes: draw(t, "key")}
		err := MayGrant(by, k)
		more := k.Principal().Permissions() &^ by.Permissions()
		switch {
		case err == nil && (more != 0 || by.Scopes != nil && k.Scopes == nil):
			t.Fatalf("%+v may hand out %+v", by, k)
		case err != nil && (!fault.Is(err, fault.Forbidden) || more == 0 && (by.Scopes == nil || k.Scopes != nil)):
			t.Fatalf("%+v may not hand out %+v: %v", by, k, err)
		}
	})
	if err := MayGrant(AdminPrincipal(), Key{Role: Admin}); err != nil {
		t.Error(err)
	}
}

func TestNewKey(t *testing.T) {
	t.Parallel()
	now := time.Now()
	past, future := now, now.Add(time.Hour)
	k, err := NewKey(" CMS ", "publisher", []string{"topics:read"}, &future, 5, now)
	if err != nil || k.Name != "CMS" || k.Role != Publisher || !slices.Equal(k.Scopes, []Permission{TopicsRead}) || k.RatePerHour != 5 || !k.ExpiresAt.Equal(future) {
		t.Errorf("%+v, %v", k, err)
	}
	if k, err := NewKey("x", "ops", nil, nil, 0, now); err != nil || k.Scopes != nil {
		t.Errorf("%+v, %v", k, err)
	}
	if k, err := NewKey("x", "ops", []string{}, nil, 0, now); err != nil || k.Scopes == nil {
		t.Errorf("no scope became every scope: %+v, %v", k, err)
	}
	_, err = NewKey("", "root", []string{"topics:read", "topics:burn", "topics:read"}, &past, -1, now)
	want := "/name required, /role unknown, /scopes/1 unknown, /scopes/2 duplicate, /expires_at past, /rate_per_hour range"
	if got := pointers(err); got != want {
		t.Errorf("got %s", got)
	}
	for name, code := range map[string]string{strings.Repeat("ä", 101): "too_long", "a\x00b": "format"} {
		if _, err := NewKey(name, "ops", nil, nil, 0, now); pointers(err) != "/name "+code {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := NewKey("x", "analyst", []string{"topics:write"}, nil, maxRate+1, now); pointers(err) != "/scopes/0 not_of_role, /rate_per_hour range" {
		t.Error(err)
	}
}

func pointers(err error) string {
	var list []string
	if e, ok := err.(*fault.Error); ok { //nolint:errorlint // what Fields.Err returns is not wrapped
		for _, f := range e.Fields {
			list = append(list, f.Pointer+" "+f.Code)
		}
	}
	return strings.Join(list, ", ")
}

func TestPrincipalTravels(t *testing.T) {
	t.Parallel()
	if _, ok := From(t.Context()); ok {
		t.Error("somebody is there")
	}
	if p, ok := From(WithPrincipal(t.Context(), AdminPrincipal())); !ok || p.ID != AdminID || p.Permissions() != Admin.Permissions() {
		t.Errorf("%+v", p)
	}
}
