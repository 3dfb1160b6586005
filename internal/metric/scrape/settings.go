package scrape

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"serin.dev/serin/internal/plan"
)

// Settings say where the metrics are and which of them to count. What is not given is the preset's.
type Settings struct {
	Preset   string        `json:"preset"`   // "podinfo" (default), "go", "micrometer", "istio", "linkerd", "envoy"
	Path     string        `json:"path"`     // "/metrics"
	Port     int           `json:"port"`     // 0: the preset's, or where the instance answers requests
	Timeout  plan.Duration `json:"timeout"`  // of one instance, 2s
	Unit     string        `json:"unit"`     // of the duration: "s" (default), "ms"
	Duration *Selector     `json:"duration"` // a histogram (or summary): requests and latencies
	Requests *Selector     `json:"requests"` // a counter: failures, where the duration has no label for them; without a duration also the requests
	Failures *Rule         `json:"failures"` // which series are failures
	Exclude  *Rule         `json:"exclude"`  // which series are not counted at all
}

// A Selector names a metric, and values its labels must have.
type Selector struct {
	Metric string            `json:"metric"`
	Labels map[string]string `json:"labels"`
}

// A Rule fits series by one label: the first of the names separated by "|" that a series has must match the regular
// expression completely (RE2).
type Rule struct {
	Label string `json:"label"`
	Regex string `json:"regex"`
}

const healthPaths = `/?(?i:metrics|healthz?|livez|readyz(_(enable|disable))?)(/.*)?`

// presets are complete but for the paths, ports, units and times that all share.
func presets() map[string]Settings {
	return map[string]Settings{
		"podinfo": {
			Duration: &Selector{Metric: "http_request_duration_seconds"},
			Failures: &Rule{Label: "status|code", Regex: "5.."},
			Exclude:  &Rule{Label: "path|handler", Regex: healthPaths},
		},
		"go": {
			Duration: &Selector{Metric: "http_request_duration_seconds"},
			Failures: &Rule{Label: "code|status|status_code", Regex: "5..|5xx"},
			Exclude:  &Rule{Label: "handler|path|route", Regex: healthPaths},
		},
		"micrometer": {
			Duration: &Selector{Metric: "http_server_requests_seconds"},
			Failures: &Rule{Label: "status", Regex: "5.."},
			Exclude:  &Rule{Label: "uri", Regex: `/(actuator|q/(metrics|health)|health|prometheus)(/.*)?`},
		},
		// The sidecar, whose agent hands out Envoy's metrics together with the program's. Of what it counted, the requests that came
		// in. https://istio.io/latest/docs/ops/integrations/prometheus/, /docs/reference/config/metrics/
		"istio": {
			Path: "/stats/prometheus", Port: 15020, Unit: "ms",
			Duration: &Selector{Metric: "istio_request_duration_milliseconds", Labels: map[string]string{"reporter": "destination"}},
			Failures: &Rule{Label: "response_code", Regex: "5..|0"},
			Exclude:  &Rule{Label: "request_protocol", Regex: "tcp"},
		},
		// The proxy beside the program. https://linkerd.io/2/reference/proxy-metrics/
		"linkerd": {
			Port: 4191, Unit: "ms",
			Duration: &Selector{Metric: "response_latency_ms", Labels: map[string]string{"direction": "inbound"}},
			Requests: &Selector{Metric: "response_total", Labels: map[string]string{"direction": "inbound"}},
			Failures: &Rule{Label: "classification", Regex: "failure"},
			Exclude:  &Rule{Label: "route_name", Regex: "probe"},
		},
		// An Envoy in front of the program, by its administration. The histogram does not tell failures.
		// https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/stats
		"envoy": {
			Path: "/stats/prometheus?usedonly", Port: 9901, Unit: "ms",
			Duration: &Selector{Metric: "envoy_http_downstream_rq_time"},
			Requests: &Selector{Metric: "envoy_http_downstream_rq_xx"},
			Failures: &Rule{Label: "envoy_response_code_class", Regex: "5"},
			Exclude:  &Rule{Label: "envoy_http_conn_manager_prefix", Regex: "admin|async-client"},
		},
	}
}

// A rulebook is what Settings mean, ready to use.
type rulebook struct {
	path     string
	port     int
	timeout  time.Duration
	duration *Selector
	requests *Selector
	failures filter
	exclude  filter
	unit     unit
}

// A filter is a compiled Rule; the zero filter fits nothing.
type filter struct {
	labels []string
	regex  *regexp.Regexp
}

// Check refuses settings that could not be used and names the field.
func Check(with json.RawMessage) error {
	_, err := decode(with)
	return err
}

func decode(with json.RawMessage) (*rulebook, error) {
	var s Settings
	if err := plan.Decode(with, &s); err != nil {
		return nil, err
	}
	if err := s.complete(); err != nil {
		return nil, err
	}
	b := &rulebook{path: s.Path, port: s.Port, timeout: time.Duration(s.Timeout), duration: s.Duration, requests: s.Requests, unit: unitOf(s.Unit)}
	var err error
	if b.failures, err = s.Failures.compile("failures"); err != nil {
		return nil, err
	}
	if b.exclude, err = s.Exclude.compile("exclude"); err != nil {
		return nil, err
	}
	return b, nil
}

// complete fills in the preset and checks the rest.
func (s *Settings) complete() error {
	known := presets()
	if s.Preset == "" {
		s.Preset = "podinfo"
	}
	preset, ok := known[s.Preset]
	if !ok {
		return fmt.Errorf("preset: %q is none of %s", s.Preset, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	}
	if s.Duration == nil && s.Requests == nil {
		s.Duration, s.Requests = preset.Duration, preset.Requests
	}
	if s.Unit == "" {
		s.Unit = preset.Unit
	}
	if s.Unit == "" {
		s.Unit = "s"
	}
	if s.Failures == nil {
		s.Failures = preset.Failures
	}
	if s.Exclude == nil {
		s.Exclude = preset.Exclude
	}
	if s.Port == 0 {
		s.Port = preset.Port
	}
	if s.Path == "" {
		s.Path = preset.Path
	}
	if s.Path == "" {
		s.Path = "/metrics"
	}
	if s.Timeout == 0 {
		s.Timeout = plan.Duration(2 * time.Second)
	}
	switch {
	case s.Path[0] != '/':
		return fmt.Errorf("path: %q does not begin with /", s.Path)
	case s.Port < 0 || s.Port > 65535:
		return fmt.Errorf("port: %d is not from 0 (the instance's own) to 65535", s.Port)
	case s.Unit != "s" && s.Unit != "ms":
		return fmt.Errorf("unit: %q is neither s nor ms", s.Unit)
	case s.Timeout < plan.Duration(time.Millisecond):
		return fmt.Errorf("timeout: must be at least 1ms")
	case s.Duration != nil && s.Duration.Metric == "":
		return fmt.Errorf("duration.metric: names no histogram")
	case s.Requests != nil && s.Requests.Metric == "":
		return fmt.Errorf("requests.metric: names no counter")
	}
	return nil
}

func (r *Rule) compile(field string) (filter, error) {
	if r.Label == "" {
		return filter{}, fmt.Errorf("%s.label: names no label", field)
	}
	re, err := regexp.Compile("^(?:" + r.Regex + ")$")
	if err != nil {
		return filter{}, fmt.Errorf("%s.regex: %w", field, err)
	}
	return filter{strings.Split(r.Label, "|"), re}, nil
}
