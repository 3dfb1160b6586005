package process

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// A prober asks one replica again and again how it is.
type prober struct {
	health Health
	port   int
	client *http.Client
	ready  bool
	streak int // answers in a row that speak against ready
}

// newClient makes the client of all probes: each question takes a connection of its own, for a kept one would tell
// about the past, and a redirect is no answer.
func newClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, Proxy: nil},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// A pulse is one answer: whether the replica counts as ready now, and what was wrong with this answer.
type pulse struct {
	ready bool
	err   error
}

// run asks until the context ends and sends every answer.
func (p *prober) run(ctx context.Context, out chan<- pulse) {
	for {
		err := p.ask(ctx)
		if ctx.Err() != nil {
			return
		}
		p.count(err == nil)
		select {
		case out <- pulse{p.ready, err}:
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

// pause is shorter until the replica is ready: a release waits for that moment, and it comes once.
func (p *prober) pause() time.Duration {
	interval := time.Duration(p.health.Interval)
	if p.ready {
		return interval
	}
	return min(interval, max(interval/10, 50*time.Millisecond))
}

// count turns answers into readiness: it changes after so many answers in a row against it.
func (p *prober) count(good bool) {
	if good == p.ready {
		p.streak = 0
		return
	}
	p.streak++
	if good && p.streak >= p.health.HealthyAfter || !good && p.streak >= p.health.UnhealthyAfter {
		p.ready, p.streak = good, 0
	}
}

func (p *prober) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(p.health.Timeout))
	defer cancel()
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port))
	if p.health.Path == "" {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+p.health.Path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "serin-health")
	resp, err := p.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	io.CopyN(io.Discard, resp.Body, 4096)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("GET %s: %s", p.health.Path, resp.Status)
	}
	return nil
}
