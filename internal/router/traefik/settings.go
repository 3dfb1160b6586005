package traefik

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"

	"serin.dev/serin/internal/plan"
)

// Settings are what users write under `traefik:`. All names are those of the target's own namespace.
type Settings struct {
	// Service is the TraefikService that serin makes and the user's route refers to; default NAME-serin, after the target.
	Service string              `json:"service,omitempty"`
	Port    *intstr.IntOrString `json:"port,omitempty"` // of the Services, by number or by name; default the only one of stable's

	// How Traefik speaks to pods, in its own words.
	Scheme           string `json:"scheme,omitempty"` // "http", "https" or "h2c"; default by the port
	ServersTransport string `json:"serversTransport,omitempty"`
	NativeLB         bool   `json:"nativeLB,omitempty"` // by the Service's address instead of those of pods

	Cookie  Cookie         `json:"cookie,omitzero"`   // of sticky sessions, beside its name and age
	MaxBody *int64         `json:"maxBody,omitempty"` // of a request that is mirrored, in bytes; default 64 KiB, -1: any
	Settle  *plan.Duration `json:"settle,omitempty"`  // how long Traefik may lag behind; default 3s
}

// A Cookie is how browsers are asked to treat the cookie of sticky sessions. Scripts never see it.
type Cookie struct {
	Secure   bool   `json:"secure,omitempty"`   // over TLS alone
	SameSite string `json:"sameSite,omitempty"` // "none", "lax" or "strict"; default the browser's
	Domain   string `json:"domain,omitempty"`   // default the host that was asked
}

const maxBody = 64 << 10

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
	if s.MaxBody == nil {
		size := int64(maxBody)
		s.MaxBody = &size
	}
	if s.Settle == nil {
		settle := plan.Duration(3 * time.Second)
		s.Settle = &settle
	}
	return s, s.check()
}

func (s Settings) check() error {
	for _, name := range []struct{ field, value string }{{"service", s.Service}, {"serversTransport", s.ServersTransport}} {
		if name.value != "" && len(validation.IsDNS1123Subdomain(name.value+sharesSuffix)) > 0 {
			return fmt.Errorf("%s: %q cannot be the name of one", name.field, name.value)
		}
	}
	if p := s.Port; p != nil {
		if p.Type == intstr.Int && len(validation.IsValidPortNum(p.IntValue())) > 0 ||
			p.Type == intstr.String && len(validation.IsValidPortName(p.StrVal)) > 0 {
			return fmt.Errorf("port: %q is neither a number nor the name of a port", p.String())
		}
	}
	if !slices.Contains([]string{"", "http", "https", "h2c"}, s.Scheme) {
		return fmt.Errorf("scheme: %q is none of http, https, h2c", s.Scheme)
	}
	if !slices.Contains([]string{"", "none", "lax", "strict"}, s.Cookie.SameSite) {
		return fmt.Errorf("cookie.sameSite: %q is none of none, lax, strict", s.Cookie.SameSite)
	}
	if s.Cookie.SameSite == "none" && !s.Cookie.Secure {
		return errors.New("cookie.sameSite: browsers take none only of secure cookies; add `secure: true`")
	}
	if d := s.Cookie.Domain; d != "" && len(validation.IsDNS1123Subdomain(d)) > 0 {
		return fmt.Errorf("cookie.domain: %q is none", d)
	}
	if *s.MaxBody < -1 {
		return fmt.Errorf("maxBody: %d bytes is no size; -1 is any", *s.MaxBody)
	}
	if *s.Settle < 0 {
		return errors.New("settle: is negative")
	}
	return nil
}
