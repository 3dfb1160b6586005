package endpoints

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"

	"serin.dev/serin/internal/plan"
)

// Settings are what users write under `endpoints:`, or under `gatewayAPI:` with `mode: endpoints`. All names are those of the target's
// own namespace.
type Settings struct {
	Mode    string `json:"mode,omitempty"`    // "endpoints", as gatewayAPI says it
	Service string `json:"service,omitempty"` // the user's, without a selector; default the target's name
	// Selector of stable's pods, which the Service gets while nothing is released; default that of the target.
	Selector map[string]string `json:"selector,omitempty"`
	Kind     string            `json:"kind,omitempty"`   // of the route: "HTTPRoute" (default) or "GRPCRoute"
	Route    string            `json:"route,omitempty"`  // that sends to the Service, and has to be in force; default none
	Settle   *plan.Duration    `json:"settle,omitempty"` // how long data planes may lag behind; default 2s
}

// The mode as gatewayAPI says it, and the kinds of routes.
const (
	mode      = "endpoints"
	httpRoute = "HTTPRoute"
	grpcRoute = "GRPCRoute"
)

// Check refuses settings the router could not use and names the field.
func Check(with json.RawMessage) error {
	_, err := decode(with)
	return err
}

func decode(with json.RawMessage) (Settings, error) {
	var s Settings
	if err := plan.Decode(with, &s); err != nil {
		return s, err
	}
	if s.Settle == nil {
		settle := plan.Duration(2 * time.Second)
		s.Settle = &settle
	}
	return s, s.check()
}

func (s Settings) check() error {
	if s.Mode != "" && s.Mode != mode {
		return fmt.Errorf("mode: %q is not %s", s.Mode, mode)
	}
	if s.Kind != "" && s.Kind != httpRoute && s.Kind != grpcRoute {
		return fmt.Errorf("kind: %q is none of %s, %s", s.Kind, httpRoute, grpcRoute)
	}
	if s.Kind != "" && s.Route == "" {
		return errors.New("kind: is of a route, and none is named; add `route`")
	}
	for _, name := range []struct{ field, value string }{{"service", s.Service}, {"route", s.Route}} {
		if name.value != "" && len(validation.IsDNS1123Subdomain(name.value)) > 0 {
			return fmt.Errorf("%s: %q cannot be the name of one", name.field, name.value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Selector)) {
		if _, err := labels.ValidatedSelectorFromSet(labels.Set{name: s.Selector[name]}); err != nil {
			return fmt.Errorf("selector.%s: %w", name, err)
		}
	}
	if *s.Settle < 0 {
		return errors.New("settle: is negative")
	}
	return nil
}

func field(name string) string { return "spec.traffic.endpoints." + name }
