package gatewayapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"

	"serin.dev/serin/internal/plan"
)

// Settings are what users write under `gatewayAPI:`. All names are those of the target's own namespace.
type Settings struct {
	// Mode is "guest" or "own"; default "own" where a gateway or parents are given, else "guest". With "endpoints" the settings are
	// those of the router endpoints.
	Mode  string `json:"mode,omitempty"`
	Kind  string `json:"kind,omitempty"`  // "HTTPRoute" or "GRPCRoute"; default "HTTPRoute"
	Route string `json:"route,omitempty"` // guest: the user's route; default the target's name
	// Rules are the rules to edit, by name or by index from 0; default every rule that sends to the target's Services alone.
	Rules   []intstr.IntOrString `json:"rules,omitempty"`
	Service string               `json:"service,omitempty"` // the Service of stable in the route; default the one the target is reached by
	Settle  *plan.Duration       `json:"settle,omitempty"`  // how long data planes may lag behind the gateway's word; default 3s

	// Of a route of serin's own.
	Gateway   string   `json:"gateway,omitempty"` // its only parent: "NAME" or "NAMESPACE/NAME"
	Parents   []Parent `json:"parents,omitempty"` // instead of gateway
	Hostnames []string `json:"hostnames,omitempty"`
	Port      int64    `json:"port,omitempty"` // of the Services; default the only port of stable's Service
}

// A Parent is a parentRef of a route of serin's own.
type Parent struct {
	Group       string `json:"group,omitempty"` // default "gateway.networking.k8s.io"
	Kind        string `json:"kind,omitempty"`  // default "Gateway"
	Namespace   string `json:"namespace,omitempty"`
	Name        string `json:"name"`
	SectionName string `json:"sectionName,omitempty"`
	Port        int64  `json:"port,omitempty"`
}

// The modes and kinds.
const (
	guest     = "guest"
	own       = "own"
	endpoints = "endpoints"
	httpRoute = "HTTPRoute"
	grpcRoute = "GRPCRoute"
)

// Check refuses settings the router could not use and names the field.
func Check(with json.RawMessage) error {
	_, err := decode(with)
	return err
}

// means: shares by endpoints are the business of a router with fewer features, and the route stays as it is.
func means(with json.RawMessage) string {
	var s struct {
		Mode string `json:"mode"`
	}
	if err := json.Unmarshal(with, &s); err == nil && s.Mode == endpoints {
		return endpoints
	}
	return ""
}

func decode(with json.RawMessage) (Settings, error) {
	var s Settings
	if err := plan.Decode(with, &s); err != nil {
		return s, err
	}
	s = s.withDefaults()
	return s, s.check()
}

func (s Settings) withDefaults() Settings {
	if s.Gateway != "" && len(s.Parents) == 0 {
		namespace, name, _ := strings.Cut("/"+s.Gateway, "/")
		if ns, n, ok := strings.Cut(s.Gateway, "/"); ok {
			namespace, name = ns, n
		}
		s.Parents = []Parent{{Namespace: namespace, Name: name}}
	}
	if s.Mode == "" {
		s.Mode = guest
		if len(s.Parents) > 0 && s.Route == "" {
			s.Mode = own
		}
	}
	if s.Kind == "" {
		s.Kind = httpRoute
	}
	if s.Settle == nil {
		lag := plan.Duration(3 * time.Second) // Traefik, left as it comes, takes up changes at most every two seconds
		s.Settle = &lag
	}
	return s
}

func (s Settings) check() error {
	switch s.Mode {
	case guest, own:
	case endpoints:
		return errors.New("mode: endpoints is the router endpoints")
	default:
		return fmt.Errorf("mode: %q is none of guest, own", s.Mode)
	}
	if s.Kind != httpRoute && s.Kind != grpcRoute {
		return fmt.Errorf("kind: %q is none of HTTPRoute, GRPCRoute", s.Kind)
	}
	for _, name := range []struct{ field, value string }{{"route", s.Route}, {"service", s.Service}} {
		if name.value != "" && len(validation.IsDNS1123Subdomain(name.value)) > 0 {
			return fmt.Errorf("%s: %q cannot be the name of one", name.field, name.value)
		}
	}
	for i, r := range s.Rules {
		if r.Type == intstr.Int && r.IntVal < 0 || r.Type == intstr.String && r.StrVal == "" || slices.Contains(s.Rules[:i], r) {
			return fmt.Errorf("rules[%d]: want a rule's name, or its index from 0, once each", i)
		}
	}
	if *s.Settle < 0 {
		return errors.New("settle: is negative")
	}
	if s.Mode == own {
		return s.checkOwn()
	}
	for field, given := range map[string]bool{"parents": len(s.Parents) > 0, "hostnames": len(s.Hostnames) > 0, "port": s.Port != 0} {
		if given {
			return fmt.Errorf("%s: is of a route of serin's own; the user's route has its own. Drop it, or choose `mode: own`", field)
		}
	}
	return nil
}

func (s Settings) checkOwn() error {
	switch {
	case s.Route != "":
		return errors.New("route: a route of serin's own is named after the target; drop it, or choose `mode: guest`")
	case len(s.Rules) > 0:
		return errors.New("rules: a route of serin's own has one rule; drop it, or choose `mode: guest`")
	case len(s.Parents) == 0:
		return errors.New("gateway: a route of serin's own needs a gateway, or parents")
	case s.Gateway != "" && s.Parents[0].Name != s.Gateway[strings.Index(s.Gateway, "/")+1:]:
		return errors.New("gateway: is the only parent; drop it, or drop parents")
	case s.Port < 0 || s.Port > 65535:
		return fmt.Errorf("port: %d is none", s.Port)
	}
	for i, p := range s.Parents {
		if p.Name == "" {
			return fmt.Errorf("parents[%d].name: is needed", i)
		}
	}
	return nil
}
