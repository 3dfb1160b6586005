package loadtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// ErrorHeader marks answers that serin's proxy made itself.
const ErrorHeader = "Serin-Error"

// maxGroupBody is how much of an answer Options.Group gets to see.
const maxGroupBody = 64 << 10

// A Test is one run of requests. It is run once; Snapshot may be asked at any time.
type Test struct {
	options   Options
	transport *http.Transport
	request   *http.Request // copied for every request
	began     time.Time     // set before the first worker starts
	next      atomic.Int64  // number of the next request that is due
	idle      atomic.Bool   // a worker was waiting when the context ended, so that nothing due was left out
	recorder  recorder
}

// New returns a test of what the options say.
func New(o Options) (*Test, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest(o.Method, o.URL, nil)
	if err != nil {
		return nil, fmt.Errorf("read options: %w", err)
	}
	if o.Header != nil {
		request.Header = o.Header.Clone()
	}
	if host := request.Header.Get("Host"); host != "" {
		request.Host = host
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!o.HTTP2)
	protocols.SetHTTP2(o.HTTP2)
	protocols.SetUnencryptedHTTP2(o.HTTP2)
	return &Test{
		options: o,
		request: request,
		transport: &http.Transport{
			MaxIdleConnsPerHost: o.Workers, MaxConnsPerHost: o.Workers, DisableCompression: true,
			TLSClientConfig: o.TLS, Protocols: protocols,
		},
	}, nil
}

// Run sends until nothing more is due or the context ends, and returns what came of it. Requests under way at the end of
// the duration are waited for; those under way when the context ends are given up and not counted.
func (t *Test) Run(ctx context.Context) Report {
	defer t.transport.CloseIdleConnections()
	t.began = time.Now()
	t.recorder.start(t.began.Add(t.options.Warmup))
	var workers sync.WaitGroup
	for range t.options.Workers {
		workers.Go(func() { t.work(ctx) })
	}
	workers.Wait()
	t.recorder.stop(t.missed(time.Now()))
	return t.Snapshot()
}

// Snapshot tells what has been counted so far.
func (t *Test) Snapshot() Report { return t.recorder.report() }

// work sends one request after the other.
func (t *Test) work(ctx context.Context) {
	for ctx.Err() == nil {
		start, ok := t.await(ctx)
		if !ok {
			return
		}
		t.send(ctx, start)
	}
}

// await waits until the next request is due, and returns the time from which it counts. A worker that was waiting sends
// on time, however late its timer; one that comes late because it was busy counts from when the request was due.
func (t *Test) await(ctx context.Context) (start time.Time, ok bool) {
	n := t.next.Add(1) - 1
	now := time.Now()
	if (t.options.Requests > 0 && n >= t.options.Requests) || (t.options.Duration > 0 && now.Sub(t.began) >= t.options.Duration) {
		t.next.Add(-1)
		return start, false
	}
	if t.options.Rate == 0 {
		return now, true
	}
	due := t.began.Add(time.Duration(float64(n) / t.options.Rate * float64(time.Second)))
	if t.options.Duration > 0 && due.Sub(t.began) >= t.options.Duration {
		t.next.Add(-1)
		return start, false
	}
	wait := due.Sub(now)
	if wait <= 0 {
		return due, true
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return time.Now(), true
	case <-ctx.Done():
		t.idle.Store(true)
		t.next.Add(-1)
		return start, false
	}
}

// missed is how many requests became due and were never sent, because all workers were busy to the end.
func (t *Test) missed(now time.Time) int64 {
	if t.options.Rate == 0 || t.idle.Load() {
		return 0
	}
	due := now.Sub(t.began)
	if t.options.Duration > 0 {
		due = min(due, t.options.Duration)
	}
	wanted := int64(due.Seconds() * t.options.Rate)
	if t.options.Requests > 0 {
		wanted = min(wanted, t.options.Requests)
	}
	return max(0, wanted-t.next.Load())
}

// send sends one request, reads its answer to the end and records what came of it.
func (t *Test) send(ctx context.Context, start time.Time) {
	limited, cancel := context.WithTimeout(ctx, t.options.Timeout)
	defer cancel()
	var connections atomic.Int32
	limited = httptrace.WithClientTrace(limited, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connections.Add(1) },
	})
	request := t.request.WithContext(limited)
	if len(t.options.Body) > 0 {
		request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(t.options.Body)), nil }
		request.Body, _ = request.GetBody()
		request.ContentLength = int64(len(t.options.Body))
	}
	answer, body, err := t.exchange(request)
	if ctx.Err() != nil {
		return
	}
	o := outcome{start: start, took: time.Since(start), repeated: connections.Load() > 1}
	if err != nil {
		o.class, o.fault = classOf(err)
	} else {
		o.judge(answer)
		if t.options.Group != nil {
			o.group = t.options.Group(answer, body)
		}
	}
	t.recorder.record(o)
}

func (t *Test) exchange(r *http.Request) (*http.Response, []byte, error) {
	answer, err := t.transport.RoundTrip(r)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	var body []byte
	if t.options.Group != nil {
		if body, err = io.ReadAll(io.LimitReader(answer.Body, maxGroupBody)); err != nil {
			return nil, nil, err
		}
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return answer, body, err
}

// judge sorts an answer.
func (o *outcome) judge(answer *http.Response) {
	o.status = answer.StatusCode
	switch fault := answer.Header.Get(ErrorHeader); {
	case fault != "":
		o.class, o.fault = byProxy, fault
	case answer.StatusCode >= 500:
		o.class = byBackend
	default:
		o.class = answered
	}
}

// classOf sorts a request that got no answer.
func classOf(err error) (class, string) {
	timeout, isNet := err.(interface{ Timeout() bool })
	switch {
	case errors.Is(err, context.DeadlineExceeded), isNet && timeout.Timeout():
		return timedOut, "timed out"
	case errors.Is(err, syscall.ECONNREFUSED):
		return byNetwork, "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return byNetwork, "connection reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return byNetwork, "connection closed"
	}
	return byNetwork, "other"
}
