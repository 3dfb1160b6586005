package prometheus

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"serin.dev/serin/internal/metric/client"
	"serin.dev/serin/internal/plan"
)

// Settings say where Prometheus is and what to count there. What is not given is the preset's.
type Settings struct {
	Address  string            `json:"address"`  // "http://prometheus.monitoring:9090"
	Preset   string            `json:"preset"`   // "podinfo" (default), "go", "micrometer", "istio", "traefik", "linkerd", "envoy", "nginx"
	Requests *Selector         `json:"requests"` // a counter; without it the requests are what the histogram counted
	Failures *Selector         `json:"failures"` // without a metric: which of the requests failed
	Duration *Selector         `json:"duration"` // a histogram, named without _bucket
	Unit     string            `json:"unit"`     // of the durations: "s" (default), "ms"
	Labels   Labels            `json:"labels"`
	Service  string            `json:"service"` // how a router writes the name of a Service: an expression with {namespace} and {service}
	Timeout  plan.Duration     `json:"timeout"` // of one reading, 2s
	Headers  map[string]string `json:"headers"` // for instance X-Scope-OrgID
	Auth     Auth              `json:"auth"`
}

// Labels name the labels by which series are found.
type Labels struct {
	Pod       string `json:"pod"`       // "pod"
	Instance  string `json:"instance"`  // "instance"
	Namespace string `json:"namespace"` // "namespace"
	Service   string `json:"service"`   // of a router's series; where it is given they are counted by Service, not by pod
}

// A Selector chooses the series of one metric.
type Selector struct {
	Metric string            `json:"metric"`
	Labels map[string]string `json:"labels"` // values that labels must have
	Match  map[string]string `json:"match"`  // expressions (RE2) that labels must match completely
	Except map[string]string `json:"except"` // and must not
}

// A place is one way in which series name their instance.
type place struct {
	label   string
	value   string // an expression with {namespace} and {service}; empty: pods
	matcher []string
}

// A rulebook is what Settings mean, ready to use.
type rulebook struct {
	Settings
	requests, failures, buckets Selector // buckets without a metric: no latencies
	native, nativeFailed        Selector // the same where the histogram is a native one; failures without a metric: they are counted elsewhere
	places                      []place  // of routers; none: pods
	scale                       float64  // seconds of one unit
}

// Check refuses settings that could not be used and names the field. No settings at all are fine: the address can come later.
func Check(with json.RawMessage) error {
	_, err := decode(with)
	return err
}

func decode(with json.RawMessage) (*rulebook, error) {
	s := Settings{}
	if err := plan.Decode(with, &s); err != nil {
		return nil, err
	}
	known := presets()
	if s.Preset == "" {
		s.Preset = "podinfo"
	}
	p, ok := known[s.Preset]
	if !ok {
		return nil, fmt.Errorf("preset: %q is none of %s", s.Preset, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	s.complete(p)
	r := &rulebook{Settings: s, scale: map[string]float64{"s": 1, "ms": 1e-3}[s.Unit], places: p.places}
	if s.Labels.Service != "" {
		r.places = []place{{label: s.Labels.Service, value: s.Service}}
	}
	for i := range r.places {
		if s.Service != "" {
			r.places[i].value = s.Service
		}
		if _, err := r.places[i].fits("n", "s"); err != nil {
			return nil, fmt.Errorf("service: %w", err)
		}
	}
	r.choose()
	return r, nil
}

// complete fills in the preset.
func (s *Settings) complete(p preset) {
	if s.Requests == nil && s.Duration == nil {
		s.Requests, s.Duration = p.requests, p.duration
	}
	if s.Failures == nil {
		s.Failures = p.failures
	}
	if s.Unit == "" {
		s.Unit = p.unit
	}
	if s.Unit == "" {
		s.Unit = "s"
	}
	if s.Service == "" && s.Labels.Service != "" {
		s.Service = "{service}"
	}
	if s.Labels.Namespace == "" {
		s.Labels.Namespace = p.namespace
	}
	defaults := []struct {
		field *string
		value string
	}{{&s.Labels.Pod, "pod"}, {&s.Labels.Instance, "instance"}, {&s.Labels.Namespace, "namespace"}}
	for _, d := range defaults {
		if *d.field == "" {
			*d.field = d.value
		}
	}
	if s.Timeout == 0 {
		s.Timeout = plan.Duration(2 * time.Second)
	}
}

// check refuses what cannot be meant.
func (s *Settings) check() error {
	if u, err := url.Parse(s.Address); s.Address != "" {
		switch {
		case err != nil:
			return fmt.Errorf("address: is not a URL") // the parser's own words repeat it, with its password
		case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
			return fmt.Errorf("address: want http://HOST:PORT or https://HOST")
		case u.User != nil:
			return fmt.Errorf("address: holds a password; use auth.basic, whose password comes from a Secret or a file")
		}
	}
	for name, sel := range map[string]*Selector{"requests": s.Requests, "failures": s.Failures, "duration": s.Duration} {
		if err := sel.check(name); err != nil {
			return err
		}
	}
	for name, label := range map[string]string{
		"pod": s.Labels.Pod, "instance": s.Labels.Instance, "namespace": s.Labels.Namespace, "service": s.Labels.Service,
	} {
		if label != "" && !model.LegacyValidation.IsValidLabelName(label) {
			return fmt.Errorf("labels.%s: %q is no name of a label", name, label)
		}
	}
	if err := client.CheckHeaders(s.Headers, "Content-Type"); err != nil {
		return err
	}
	switch {
	case s.Unit != "" && s.Unit != "s" && s.Unit != "ms":
		return fmt.Errorf("unit: %q is neither s nor ms", s.Unit)
	case s.Timeout != 0 && s.Timeout < plan.Duration(time.Millisecond):
		return fmt.Errorf("timeout: must be at least 1ms")
	}
	return s.Auth.Check()
}

func (sel *Selector) check(field string) error {
	if sel == nil {
		return nil
	}
	if sel.Metric == "" && field != "failures" {
		return fmt.Errorf("%s.metric: names no metric", field)
	}
	if sel.Metric != "" && !model.LegacyValidation.IsValidMetricName(sel.Metric) {
		return fmt.Errorf("%s.metric: %q is no name of a metric", field, sel.Metric)
	}
	for _, kind := range []struct {
		name   string
		labels map[string]string
	}{{"labels", sel.Labels}, {"match", sel.Match}, {"except", sel.Except}} {
		for label, value := range kind.labels {
			if !model.LegacyValidation.IsValidLabelName(label) {
				return fmt.Errorf("%s.%s: %q is no name of a label", field, kind.name, label)
			}
			if _, err := regexp.Compile(value); kind.name != "labels" && err != nil {
				return fmt.Errorf("%s.%s.%s: %w", field, kind.name, label, err)
			}
		}
	}
	return nil
}

// choose works out which series are requests, failures and buckets.
func (r *rulebook) choose() {
	if r.Duration != nil {
		r.buckets = r.Duration.called(r.Duration.Metric + "_bucket")
		r.requests = r.Duration.called(r.Duration.Metric + "_count")
		r.native = *r.Duration
	}
	if r.Requests != nil {
		r.requests = *r.Requests
	}
	r.failures = *r.Failures
	if r.failures.Metric == "" {
		r.failures = r.requests.narrowed(*r.Failures)
		if r.Requests == nil {
			r.nativeFailed = r.native.narrowed(*r.Failures)
		}
	}
}

func (sel Selector) called(metric string) Selector {
	sel.Metric = metric
	return sel
}

func (sel Selector) narrowed(by Selector) Selector {
	join := func(a, b map[string]string) map[string]string {
		all := map[string]string{}
		maps.Copy(all, a)
		maps.Copy(all, b)
		return all
	}
	return Selector{sel.Metric, join(sel.Labels, by.Labels), join(sel.Match, by.Match), join(sel.Except, by.Except)}
}

// pattern is the expression that the label of a Service's series matches.
func (p place) pattern(namespace, service string) string {
	return strings.NewReplacer("{namespace}", regexp.QuoteMeta(namespace), "{service}", regexp.QuoteMeta(service)).Replace(p.value)
}

func (p place) fits(namespace, service string) (*regexp.Regexp, error) {
	return regexp.Compile("^(?:" + p.pattern(namespace, service) + ")$")
}
