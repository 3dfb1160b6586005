package proxy

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"serin.dev/serin/internal/plan"
)

// Settings are what users write under `proxy:`. Every field has a default, which zero stands for as well.
type Settings struct {
	Listen         string   `json:"listen,omitempty"` // address to serve on; default ":8080"
	TLS            *TLS     `json:"tls,omitempty"`    // absent: clear text
	HTTP2          *bool    `json:"http2,omitempty"`  // HTTP/2, in clear text too (prior knowledge); default true
	TrustedProxies []string `json:"trustedProxies,omitempty"`
	Timeouts       Timeouts `json:"timeouts,omitzero"`
	Limits         Limits   `json:"limits,omitzero"`
	Patience       Duration `json:"patience,omitempty"` // how long a request waits while nobody can answer; default 10s
	Drain          Duration `json:"drain,omitempty"`    // how long requests under way may take when an instance leaves; default 30s
	// RewriteHost sends each backend its own host name instead of the one the client asked for. Default false.
	RewriteHost bool `json:"rewriteHost,omitempty"`
	// Tell adds the header Serin-Instance, the name of the instance that answered, to every answer. Default false.
	Tell bool `json:"tell,omitempty"`
}

// TLS names the files of the certificate chain and its key, both PEM.
type TLS struct {
	Cert string `json:"cert"`
	Key  string `json:"key"`
}

// Timeouts bound what others may keep us waiting for.
type Timeouts struct {
	Header   Duration `json:"header,omitempty"`   // client: until the end of the request's header; default 10s
	Idle     Duration `json:"idle,omitempty"`     // client: between two requests of a connection; default 2m
	Body     Duration `json:"body,omitempty"`     // client: longest pause in a body of known length; default 30s
	Connect  Duration `json:"connect,omitempty"`  // backend: to accept a connection; default 2s
	Response Duration `json:"response,omitempty"` // backend: until the first byte of its answer; default 60s
	Reuse    Duration `json:"reuse,omitempty"`    // backend: how long an idle connection is kept; default 4s, below what servers commonly allow (Node.js: 5s)
}

// Limits bound what one target may cost.
type Limits struct {
	HeaderBytes int   `json:"headerBytes,omitempty"` // of a request; default 64 KiB
	BodyBytes   int64 `json:"bodyBytes,omitempty"`   // of a request; default none
	Connections int   `json:"connections,omitempty"` // open at once, more wait to be accepted; default 16384
	Waiting     int   `json:"waiting,omitempty"`     // requests waiting for an instance at once; default 1024
	Mirrors     int   `json:"mirrors,omitempty"`     // copies under way at once, further ones are left out; default 64
	MirrorBytes int64 `json:"mirrorBytes,omitempty"` // body of a request that is still copied; default 64 KiB
}

// A Duration is written as "1m30s".
type Duration time.Duration

// MarshalJSON writes the duration as Go does.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// misread stands for what is no duration; the check that follows knows the field's name, which a decoder does not say.
const misread Duration = -1

// UnmarshalJSON reads what time.ParseDuration understands.
func (d *Duration) UnmarshalJSON(data []byte) error {
	*d = misread
	var text string
	if json.Unmarshal(data, &text) != nil {
		return nil
	}
	if parsed, err := time.ParseDuration(text); err == nil && parsed >= 0 {
		*d = Duration(parsed)
	}
	return nil
}

// Check refuses settings the proxy could not use and names the field.
func Check(with json.RawMessage) error {
	_, err := decode(with)
	return err
}

// config is Settings with defaults filled in and texts parsed.
type config struct {
	Settings
	http2   bool
	trusted []netip.Prefix
}

func decode(with json.RawMessage) (config, error) {
	var s Settings
	if err := plan.Decode(with, &s); err != nil {
		return config{}, err
	}
	c := config{Settings: s.withDefaults(), http2: s.HTTP2 == nil || *s.HTTP2}
	if err := c.check(); err != nil {
		return config{}, err
	}
	return c, nil
}

func (s Settings) withDefaults() Settings {
	fill(&s.Listen, ":8080")
	fill(&s.Patience, Duration(10*time.Second))
	fill(&s.Drain, Duration(30*time.Second))
	fill(&s.Timeouts.Header, Duration(10*time.Second))
	fill(&s.Timeouts.Idle, Duration(2*time.Minute))
	fill(&s.Timeouts.Body, Duration(30*time.Second))
	fill(&s.Timeouts.Connect, Duration(2*time.Second))
	fill(&s.Timeouts.Response, Duration(time.Minute))
	fill(&s.Timeouts.Reuse, Duration(4*time.Second))
	fill(&s.Limits.HeaderBytes, 64<<10)
	fill(&s.Limits.Connections, 16384)
	fill(&s.Limits.Waiting, 1024)
	fill(&s.Limits.Mirrors, 64)
	fill(&s.Limits.MirrorBytes, 64<<10)
	return s
}

// fill sets a value that was left at zero.
func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (c *config) check() error {
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return fmt.Errorf("listen: read address %q: want \"host:port\" or \":port\"", c.Listen)
	}
	if c.TLS != nil && (c.TLS.Cert == "" || c.TLS.Key == "") {
		return errors.New("tls: both cert and key are needed")
	}
	for i, text := range c.TrustedProxies {
		prefix, err := parsePrefix(text)
		if err != nil {
			return fmt.Errorf("trustedProxies[%d]: read %q: want an address or a CIDR such as \"10.0.0.0/8\"", i, text)
		}
		c.trusted = append(c.trusted, prefix)
	}
	durations := []struct {
		name  string
		value Duration
	}{
		{"patience", c.Patience}, {"drain", c.Drain}, {"timeouts.header", c.Timeouts.Header}, {"timeouts.idle", c.Timeouts.Idle},
		{"timeouts.body", c.Timeouts.Body}, {"timeouts.connect", c.Timeouts.Connect}, {"timeouts.response", c.Timeouts.Response}, {"timeouts.reuse", c.Timeouts.Reuse},
	}
	for _, d := range durations {
		if d.value == misread {
			return fmt.Errorf("%s: want a duration such as \"10s\"", d.name)
		}
	}
	l := c.Limits
	limits := []struct {
		name  string
		value int64
	}{
		{"headerBytes", int64(l.HeaderBytes)}, {"bodyBytes", l.BodyBytes}, {"connections", int64(l.Connections)},
		{"waiting", int64(l.Waiting)}, {"mirrors", int64(l.Mirrors)}, {"mirrorBytes", l.MirrorBytes},
	}
	for _, limit := range limits {
		if limit.value < 0 {
			return fmt.Errorf("limits.%s: %d is negative", limit.name, limit.value)
		}
	}
	return nil
}

// parsePrefix reads a CIDR or a single address.
func parsePrefix(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	return prefix.Masked(), err
}

// trusts reports whether the address is one of the trusted proxies.
func (c *config) trusts(addr netip.Addr) bool {
	for _, prefix := range c.trusted {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}
