package httpapi

import (
	"net/http"
	"testing"

	"github.com/presswork/presswork/internal/httpapi/wire"
)

func TestDeliveryPolicy(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t, func(d *Deps) { d.Policy = stored[PolicyStore](t, d) })
	const path = "/api/v1/delivery-policy"
	r := n.do("GET", path, nil)
	r.want(http.StatusOK)
	if p := read[wire.DeliveryPolicy](r); p.QuietHours != nil || p.Digest.Time != "08:00" || p.Digest.Weekday != "monday" || p.Version != 1 || r.Header.Get("ETag") != `"1"` {
		t.Errorf("in the beginning %+v", p)
	}
	n.do("PUT", path, `{}`).problem(http.StatusPreconditionRequired, "precondition_required")
	n.do("PUT", path, `{"quiet_hours":{"from":"10pm","to":"07:00"}}`, "If-Match: *").
		problem(http.StatusUnprocessableEntity, "invalid_input", "/quiet_hours/from format")
	r = n.do("PUT", path, `{"quiet_hours":{"from":"22:00","to":"07:30"}}`, `If-Match: "1"`)
	r.want(http.StatusOK)
	if p := read[wire.DeliveryPolicy](r); p.QuietHours == nil || p.QuietHours.From != "22:00" || p.QuietHours.To != "07:30" || p.Version != 2 {
		t.Errorf("stored %+v", p)
	}
	n.do("PUT", path, `{"caps":[{"limit":0,"hours":24},{"topic":"none such","limit":1,"hours":721}]}`, "If-Match: *").
		problem(http.StatusUnprocessableEntity, "invalid_input", "/caps/0/limit out_of_range", "/caps/1/hours out_of_range")
	n.do("PUT", path, `{"caps":[{"topic":"go","limit":1,"hours":1},{"topic":"none such","limit":1,"hours":24}]}`, "If-Match: *").
		problem(http.StatusUnprocessableEntity, "invalid_input", "/caps/1/topic unknown_topic")
	n.do("PUT", path, `{}`, `If-Match: "1"`).problem(http.StatusPreconditionFailed, "version_mismatch")
	n.do("GET", path, nil, `If-None-Match: "2"`).want(http.StatusNotModified)
	p := read[wire.DeliveryPolicy](n.do("PUT", path, `{"quiet_hours":null,"digest":{"time":"17:30","weekday":"friday"},"caps":[{"topic":" GO ","limit":2,"hours":168},{"limit":3,"hours":24}]}`, "If-Match: *"))
	if p.QuietHours != nil || p.Digest.Time != "17:30" || p.Digest.Weekday != "friday" || p.Version != 3 || len(p.Caps) != 2 || p.Caps[0].Topic == nil || *p.Caps[0].Topic != "go" || p.Caps[0].Hours != 168 ||
		p.Caps[1].Topic != nil || p.Caps[1].Limit != 3 {
		t.Errorf("with caps %+v", p)
	}
	if p := read[wire.DeliveryPolicy](n.do("PUT", path, `{}`, "If-Match: *")); p.QuietHours != nil || len(p.Caps) != 0 || p.Version != 4 {
		t.Errorf("none again %+v", p)
	}
}
