package workload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"serin.dev/serin/internal/plan"
)

// Health says how an instance shows that it can serve: an answer to GET with any status 2xx, or just a connection.
type Health struct {
	Path           string        `json:"path,omitempty"`           // GET it
	TCP            bool          `json:"tcp,omitempty"`            // a connection is enough; the default without a path
	Interval       plan.Duration `json:"interval,omitempty"`       // between two questions, 1s; until first ready ten times as often, at most 20 a second
	Timeout        plan.Duration `json:"timeout,omitempty"`        // of one question, 1s
	HealthyAfter   int           `json:"healthyAfter,omitempty"`   // good answers in a row that make it ready, 1
	UnhealthyAfter int           `json:"unhealthyAfter,omitempty"` // bad answers in a row that make it unready, 3
}

// Complete fills in the defaults.
func (h *Health) Complete() {
	h.TCP = h.TCP || h.Path == ""
	for field, value := range map[*plan.Duration]time.Duration{&h.Interval: time.Second, &h.Timeout: time.Second} {
		if *field == 0 {
			*field = plan.Duration(value)
		}
	}
	for field, value := range map[*int]int{&h.HealthyAfter: 1, &h.UnhealthyAfter: 3} {
		if *field == 0 {
			*field = value
		}
	}
}

// Check refuses what cannot be asked, after Complete; the error names the field from "health." on.
func (h Health) Check() error {
	switch {
	case h.Path != "" && h.TCP:
		return errors.New("health.tcp: give either a path or tcp")
	case h.Path != "" && h.Path[0] != '/':
		return fmt.Errorf("health.path: %q does not begin with /", h.Path)
	case h.Interval < plan.Duration(time.Millisecond):
		return errors.New("health.interval: must be at least 1ms")
	case h.Timeout < plan.Duration(time.Millisecond):
		return errors.New("health.timeout: must be at least 1ms")
	case h.HealthyAfter < 1:
		return errors.New("health.healthyAfter: must be at least 1")
	case h.UnhealthyAfter < 1:
		return errors.New("health.unhealthyAfter: must be at least 1")
	}
	return nil
}

// A Pulse is one answer: whether the instance counts as ready now, and what was wrong with this answer.
type Pulse struct {
	Ready bool
	Err   error
}

// A Probe asks one instance again and again how it is.
type Probe struct {
	health Health
	base   string // "http://127.0.0.1:20001"
	client *http.Client
	ready  bool
	streak int // answers in a row that speak against ready
}

// NewProbe makes a probe of the instance at a base URL. Every question takes a connection of its own, for a kept one
// would tell about the past; a redirect is no answer.
func NewProbe(h Health, base string) *Probe {
	return &Probe{health: h, base: base, client: &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Run asks until the context ends and sends every answer.
func (p *Probe) Run(ctx context.Context, out chan<- Pulse) {
	for {
		err := p.ask(ctx)
		if ctx.Err() != nil {
			return
		}
		p.count(err == nil)
		select {
		case out <- Pulse{p.ready, err}:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(p.pause()):
		case <-ctx.Done():
			return
		}
	}
}

// pause is shorter until the instance is ready: a release waits for that moment, and it comes once.
func (p *Probe) pause() time.Duration {
	interval := time.Duration(p.health.Interval)
	if p.ready {
		return interval
	}
	return min(interval, max(interval/10, 50*time.Millisecond))
}

// count turns answers into readiness: it changes after so many answers in a row against it.
func (p *Probe) count(good bool) {
	if good == p.ready {
		p.streak = 0
		return
	}
	p.streak++
	if good && p.streak >= p.health.HealthyAfter || !good && p.streak >= p.health.UnhealthyAfter {
		p.ready, p.streak = good, 0
	}
}

func (p *Probe) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(p.health.Timeout))
	defer cancel()
	base, err := url.Parse(p.base)
	if err != nil {
		return err
	}
	if p.health.Path == "" {
		return connect(ctx, base)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base.Scheme+"://"+base.Host+p.health.Path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "serin-health")
	resp, err := p.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	io.CopyN(io.Discard, resp.Body, 4096) // a polite end for a short answer; of a long one nothing more is wanted
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("GET %s: %s", p.health.Path, resp.Status)
	}
	return nil
}

func connect(ctx context.Context, base *url.URL) error {
	address := base.Host
	if base.Port() == "" {
		address = net.JoinHostPort(base.Hostname(), map[string]string{"http": "80", "https": "443"}[base.Scheme])
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}
