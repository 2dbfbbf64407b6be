package app

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// alertRule is one of deploy/prometheus; another field is an error.
type alertRule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

// TestAlertRules: Prometheus can read every rule; what it names, a process exports; and it says how bad it is, what happened, what to
// do, and where in the documentation more stands.
func TestAlertRules(t *testing.T) {
	t.Parallel()
	of, headings := exported(t), headingsOf(t, "operations.md")
	files, err := filepath.Glob("../../deploy/prometheus/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	names := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rules, err := readRules(text)
		if err != nil || len(rules) == 0 {
			t.Errorf("%s: %d rules, %v", file, len(rules), err)
		}
		for _, r := range rules {
			if err := r.check(of, headings); err != nil {
				t.Errorf("%s: %s: %v", file, r.Alert, err)
			}
			if names[r.Alert] != "" {
				t.Errorf("%s is in %s and in %s", r.Alert, names[r.Alert], file)
			}
			names[r.Alert] = file
		}
	}
}

// TestScalerAsksForMetrics: what KEDA asks Prometheus is exported.
func TestScalerAsksForMetrics(t *testing.T) {
	t.Parallel()
	of := exported(t)
	text, err := os.ReadFile("../../deploy/autoscaling/keda-prometheus.yaml")
	if err != nil {
		t.Fatal(err)
	}
	queries := regexp.MustCompile(`(?m)^\s*query: (.*)$`).FindAllStringSubmatch(string(text), -1)
	if len(queries) == 0 {
		t.Error("there is no query")
	}
	for _, query := range queries {
		if _, err := checkPromQL(of, query[1]); err != nil {
			t.Errorf("%s: %v", query[1], err)
		}
	}
}

// exported are the metrics of a process in every role, also those that nothing was counted of yet.
func exported(t *testing.T) series {
	t.Helper()
	a, err := New(t.Context(), migrated(t), zap.NewNop(), API, Worker, Scheduler)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}()
	told := make(chan *prometheus.Desc)
	go func() {
		a.Metrics.Describe(told)
		close(told)
	}()
	of := series{labels: map[string][]string{}}
	form := regexp.MustCompile(`^Desc\{fqName: "(\w+)", help: ".*", constLabels: \{(.*)\}, variableLabels: \{(.*)\}\}$`)
	for d := range told {
		parts := form.FindStringSubmatch(d.String())
		if parts == nil {
			t.Fatalf("%s has another form", d)
		}
		for _, label := range regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(parts[2], -1) {
			of.labels[parts[1]] = append(of.labels[parts[1]], label[1])
		}
		of.labels[parts[1]] = append(of.labels[parts[1]], strings.FieldsFunc(parts[3], func(r rune) bool { return r == ',' })...)
	}
	shown := httptest.NewRecorder()
	a.Metrics.Handler().ServeHTTP(shown, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	of.shown = shown.Body.String()
	return of
}

// headingsOf are what links to the headings of a page end with.
func headingsOf(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/" + page)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, heading := range regexp.MustCompile(`(?m)^#{2,6} (.*)$`).FindAllStringSubmatch(string(text), -1) {
		plain := regexp.MustCompile(`[^\w -]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		list = append(list, strings.ReplaceAll(plain, " ", "-"))
	}
	return list
}

func readRules(text []byte) ([]alertRule, error) {
	var file struct {
		Groups []struct {
			Name  string      `yaml:"name"`
			Rules []alertRule `yaml:"rules"`
		} `yaml:"groups"`
	}
	err := yaml.UnmarshalWithOptions(text, &file, yaml.Strict())
	var list []alertRule
	for _, group := range file.Groups {
		if group.Name == "" {
			err = errors.Join(err, errors.New("a group without a name"))
		}
		list = append(list, group.Rules...)
	}
	return list, err
}

const runbooks = "https://github.com/presswork/presswork/blob/main/docs/operations.md#"

// check is everything that is wrong with a rule.
func (r alertRule) check(of series, headings []string) error {
	labels, err := checkPromQL(of, r.Expr)
	wrong := []error{err}
	add := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	add(regexp.MustCompile(`^Presswork[A-Z]\w+$`).MatchString(r.Alert), "its name is %q", r.Alert)
	add(r.For == "" || promSpan.MatchString(r.For), "it waits for %q", r.For)
	add(len(r.Labels) == 1 && slices.Contains([]string{"warning", "critical"}, r.Labels["severity"]), "its labels are %v", r.Labels)
	heading, ours := strings.CutPrefix(r.Annotations["runbook_url"], runbooks)
	add(ours && slices.Contains(headings, heading), "its runbook is %q", r.Annotations["runbook_url"])
	add(len(r.Annotations) == 3, "it has %d annotations", len(r.Annotations))
	for _, name := range []string{"summary", "description"} {
		add(r.Annotations[name] != "", "it has no %s", name)
		if err := fillIn(r.Annotations[name], labels); err != nil {
			add(false, "its %s: %w", name, err)
		}
	}
	return errors.Join(wrong...)
}

// fillIn fills an annotation in as Prometheus does, for a result with these labels.
func fillIn(text string, labels []string) error {
	duration := template.FuncMap{"humanizeDuration": func(v float64) string { return fmt.Sprint(v) }}
	parsed, err := template.New("").Option("missingkey=error").Funcs(duration).Parse("{{$labels := .Labels}}{{$value := .Value}}" + text)
	if err != nil {
		return err
	}
	data := struct {
		Labels map[string]string
		Value  float64
	}{map[string]string{}, 1}
	for _, label := range labels {
		data.Labels[label] = "x"
	}
	var out strings.Builder
	return parsed.Execute(&out, data)
}

// TestAlertRulesCanBeWrong: each check finds what it is for.
func TestAlertRulesCanBeWrong(t *testing.T) {
	t.Parallel()
	of := series{labels: map[string][]string{"presswork_a_total": {"kind", "result"}, "presswork_b": nil}, shown: "presswork_a_total{kind=\"x\",result=\"failed\"} 0\n"}
	headings := headingsOf(t, "operations.md")
	good := func() alertRule {
		return alertRule{Alert: "PressworkAll", Expr: `sum by (kind) (increase(presswork_a_total{result="failed"}[1h])) > 0`, For: "5m", Labels: map[string]string{"severity": "warning"},
			Annotations: map[string]string{"summary": "{{ $labels.kind }} {{ $value | humanizeDuration }}", "description": "x", "runbook_url": runbooks + "is-it-well"}}
	}
	if err := good().check(of, headings); err != nil {
		t.Fatal(err)
	}
	for _, expr := range []string{`presswork_b`, `max(presswork_b) > 0.5 and presswork_b != 0`, `(sum(rate(presswork_a_total[5m])) / 2) >= 1`, `max by (kind, job) (presswork_a_total{kind=~"a|b",result!=""})`} {
		if _, err := checkPromQL(of, expr); err != nil {
			t.Errorf("%s: %v", expr, err)
		}
	}
	for expr, want := range map[string]string{
		"": "stands where", "presswork_c > 0": "no metric presswork_c", "sum(presswork_b": "\")\"", "sum(presswork_b))": "too much", "presswork_b > 0 0": "too much", "presswork_b # x": "not understood",
		`presswork_a_total{color="x"}`: "no label color", "sum by (color) (presswork_a_total)": "no label color", "sum by () (presswork_b)": "stands where",
		"max by (kind) (sum by (result) (presswork_a_total))": "no label kind", "increase(presswork_b)": "\"[\"", "presswork_b[5m]": "too much", "rate(presswork_b[5])": "stands where", "median(presswork_b)": "no metric median",
		`presswork_a_total{result="Failed"}`: "is shown", `presswork_a_total{result}`: "compares nothing", `presswork_a_total{result=x}`: "stands where", "presswork_b >": "stands where",
	} {
		if _, err := checkPromQL(of, expr); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", expr, err, want)
		}
	}
	for want, change := range map[string]func(*alertRule){
		"no metric presswork_c": func(r *alertRule) { r.Expr = "presswork_c" },
		"its name":              func(r *alertRule) { r.Alert = "Alert" },
		"it waits":              func(r *alertRule) { r.For = "5 minutes" },
		"its labels":            func(r *alertRule) { r.Labels["severity"] = "bad" },
		"its labels are":        func(r *alertRule) { r.Labels["team"] = "x" },
		"its labels are map[]":  func(r *alertRule) { r.Labels = nil },
		"its runbook":           func(r *alertRule) { r.Annotations["runbook_url"] = runbooks + "no-such-heading" },
		"its runbook is":        func(r *alertRule) { r.Annotations["runbook_url"] = "https://elsewhere.example/#is-it-well" },
		"it has 4":              func(r *alertRule) { r.Annotations["more"] = "x" },
		"it has no summary":     func(r *alertRule) { r.Annotations["summary"] = "" },
		"its description":       func(r *alertRule) { r.Annotations["description"] = "{{ $labels.result }}" },
		"its summary":           func(r *alertRule) { r.Annotations["summary"] = "{{ $value " },
	} {
		r := good()
		change(&r)
		if err := r.check(of, headings); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	for _, text := range []string{"groups: [{name: x, rules: [{alert: A, expression: x}]}]", "groups: [{rules: []}]", "groups: {", "rules: []"} {
		if _, err := readRules([]byte(text)); err == nil {
			t.Errorf("%s can be read", text)
		}
	}
}
