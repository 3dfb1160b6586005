package loadtest

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Options say what to send. Only URL is needed.
type Options struct {
	URL    string
	Method string      // default GET, or POST with a body
	Header http.Header // "Host" sets the host asked for
	Body   []byte

	Rate     float64       // requests due per second; 0: closed loop
	Workers  int           // requests under way at once, at most; default 64 with a rate, 16 without
	Duration time.Duration // how long requests are due; 0: until the context ends
	Requests int64         // how many requests are due; 0: no limit
	Warmup   time.Duration // requests due in this first part of Duration are sent and not counted
	Timeout  time.Duration // of one request, from its sending to the end of its answer; default 10s

	HTTP2 bool        // HTTP/2, in clear text by prior knowledge
	TLS   *tls.Config // for https addresses; nil: the system's roots

	// Group names the group an answer is counted in, for instance the version that answered. The body is given up to its
	// first 64 KiB. Nil: no groups.
	Group func(answer *http.Response, body []byte) string
}

func (o Options) withDefaults() (Options, error) {
	u, err := url.Parse(o.URL)
	switch {
	case err != nil:
		return o, fmt.Errorf("read URL: %w", err)
	case (u.Scheme != "http" && u.Scheme != "https") || u.Host == "":
		return o, fmt.Errorf("read URL %q: want http:// or https:// and a host", o.URL)
	case o.Rate < 0 || o.Workers < 0 || o.Duration < 0 || o.Requests < 0 || o.Warmup < 0 || o.Timeout < 0:
		return o, errors.New("read options: a number is negative")
	case o.Duration > 0 && o.Warmup >= o.Duration:
		return o, fmt.Errorf("read options: a warm-up of %s leaves nothing of %s", o.Warmup, o.Duration)
	}
	if o.Method == "" {
		o.Method = http.MethodGet
		if len(o.Body) > 0 {
			o.Method = http.MethodPost
		}
	}
	if o.Workers == 0 {
		o.Workers = 16
		if o.Rate > 0 {
			o.Workers = 64
		}
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	return o, nil
}
