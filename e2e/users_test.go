package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"serin.dev/serin/internal/loadtest"
)

// pace is how many requests per second the users of a story make, if it does not say otherwise.
const pace = 40

// broken is the group of answers that a faulty version of the application made itself.
const broken = "broken"

// Users use the application through the gateway until they leave, and every request of theirs counts.
type users struct {
	s     *stage
	test  *loadtest.Test
	leave context.CancelFunc
	gone  chan loadtest.Report

	mu   sync.Mutex
	odds []string // the first answers that no version made
}

// users come in through the gateway.
func (s *stage) users(headers ...string) *users {
	s.Helper()
	return s.usersOf(gateway, pace, append([]string{"Host", s.ns + ".example.com"}, headers...)...)
}

func (s *stage) usersOf(base string, rate float64, headers ...string) *users {
	s.Helper()
	h := http.Header{}
	for i := 0; i+1 < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	ctx, leave := context.WithCancel(context.Background())
	u := &users{s: s, leave: leave, gone: make(chan loadtest.Report, 1)}
	test, err := loadtest.New(loadtest.Options{URL: base + "/api/info", Header: h, Rate: rate, Workers: 32, Timeout: 10 * time.Second, Group: u.maker})
	if err != nil {
		s.Fatal(err)
	}
	u.test = test
	go func() { u.gone <- test.Run(ctx) }()
	s.Cleanup(leave)
	return u
}

// maker says who made an answer: the version of the application that answered, a faulty version that answered with an error
// (which has no body, podinfo's random errors), or something on the way, a gateway without a back end for instance.
func (u *users) maker(answer *http.Response, body []byte) string {
	var info struct{ Message string }
	switch {
	case answer.StatusCode < 300 && json.Unmarshal(body, &info) == nil && info.Message != "":
		return info.Message
	case len(body) == 0:
		switch answer.StatusCode {
		case http.StatusInternalServerError, http.StatusBadRequest, http.StatusConflict:
			return broken
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	odd := fmt.Sprintf("HTTP %d %.60q", answer.StatusCode, body)
	if len(u.odds) < 20 {
		u.odds = append(u.odds, time.Now().UTC().Format("15:04:05.000 ")+odd)
	}
	return odd
}

// served waits until the gateway, or whatever answers there, has heard of the route and its pods: before that there is nobody to
// use anything.
func (s *stage) served(base, version string) {
	s.Helper()
	probe := &users{s: s}
	good := 0
	s.await(base+" serves "+version, long, func(ctx context.Context) (bool, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/api/info", nil)
		if err != nil {
			return false, err
		}
		req.Host, req.Close = s.ns+".example.com", true
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return false, err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
		if err == nil && probe.maker(resp, body) == version {
			good++
		} else {
			good = 0
		}
		return good >= 5, err
	})
}

// soFar tells what has been counted.
func (u *users) soFar() loadtest.Report { return u.test.Snapshot() }

// served waits until a version has answered some more requests.
func (u *users) served(version string, more int64) {
	u.s.Helper()
	before := u.soFar().Groups[version].Requests
	u.s.await(fmt.Sprintf("%s answers %d more requests", version, more), long, func(context.Context) (bool, error) {
		return u.soFar().Groups[version].Requests >= before+more, nil
	})
}

// report lets the users go and checks that the release itself has cost none of them a request: every single one was answered
// by a version of the application, and only those versions that are called faulty made errors.
func (u *users) report(versions ...string) loadtest.Report {
	u.s.Helper()
	u.leave()
	r := <-u.gone
	u.s.Logf("%s", r)
	known := map[string]bool{}
	var answered int64
	for _, v := range versions {
		known[v] = true
		answered += r.Groups[v].Requests
	}
	if r.Total.Requests == 0 {
		u.s.Error("nobody has used the application")
	}
	if lost := r.Total.ByNetwork + r.Total.TimedOut + r.Total.ByProxy; lost > 0 {
		u.s.Errorf("%d requests were lost: %v", lost, r.Faults)
	}
	if answered != r.Total.Requests {
		var others []string
		for maker, t := range r.Groups {
			if !known[maker] {
				others = append(others, fmt.Sprintf("%s: %d", maker, t.Requests))
			}
		}
		u.s.Errorf("of %d requests only %d were answered by %v; others: %s", r.Total.Requests, answered, versions, strings.Join(others, ", "))
		u.mu.Lock()
		defer u.mu.Unlock()
		u.s.Logf("when: %s", strings.Join(u.odds, ", "))
	}
	return r
}

// nothingFrom checks that a version gets no requests any more, over the given number of requests.
func (u *users) nothingFrom(requests int64, versions ...string) {
	u.s.Helper()
	before := u.soFar()
	u.s.await("the users go on", long, func(context.Context) (bool, error) {
		return u.soFar().Total.Requests >= before.Total.Requests+requests, nil
	})
	after := u.soFar()
	for _, v := range versions {
		if n := after.Groups[v].Requests - before.Groups[v].Requests; n > 0 {
			u.s.Errorf("%s still got %d of %d requests", v, n, after.Total.Requests-before.Total.Requests)
		}
	}
}
