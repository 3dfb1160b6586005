package proxy

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
)

// nobody returns an address that refuses connections, on a loopback address of this process alone where there is more than
// one: a port that was free just now is soon somebody else's when several tests run.
func nobody(t *testing.T) string {
	t.Helper()
	own := net.IPv4(127, 1+byte(os.Getpid()>>8)%254, byte(os.Getpid()), 7)
	l, err := net.Listen("tcp", net.JoinHostPort(own.String(), "0"))
	if err != nil {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (s *stage) dead(track plan.TrackName, name string) string {
	s.t.Helper()
	address := nobody(s.t)
	s.order.Endpoints[track] = append(s.order.Endpoints[track], plan.Endpoint{Instance: name, URL: "http://" + address})
	return address
}

func TestUnreachableCanaryGivesToStable(t *testing.T) {
	s := newStage(t, `{"patience": "100ms"}`)
	s.serve(plan.Stable, "v1", says("stable"))
	s.dead(plan.Canary, "v2")
	s.split(500)
	for range 40 {
		if got := s.get("/"); got.body != "stable" {
			t.Fatalf("got %d %q", got.StatusCode, got.body)
		}
	}
	counted := s.proxy.Counted(shop)
	if c := counted["v2"]; c.Requests == 0 || c.Failures != c.Requests {
		t.Errorf("canary is counted %d requests, %d failures: its refusals are evidence", c.Requests, c.Failures)
	}
	if c := counted["v1"]; c.Requests != 40 || c.Failures != 0 {
		t.Errorf("stable is counted %d requests, %d failures", c.Requests, c.Failures)
	}
}

func TestUnreachableStableDoesNotBurdenCanary(t *testing.T) {
	s := newStage(t, `{"patience": "50ms"}`)
	s.dead(plan.Stable, "v1")
	var canary atomic.Int64
	s.serve(plan.Canary, "v2", func(http.ResponseWriter, *http.Request) { canary.Add(1) })
	s.split(1)
	lost := 0
	for range 20 {
		if got := s.get("/"); got.Header.Get(ErrorHeader) == string(Unreachable) && got.StatusCode == http.StatusBadGateway {
			lost++
		}
	}
	if lost < 18 || canary.Load() > 2 {
		t.Errorf("%d of 20 were refused, canary got %d of a share of 0.1%%", lost, canary.Load())
	}
}

func TestClaimedRequestsDoNotStray(t *testing.T) {
	s := newStage(t, `{"patience": "50ms"}`)
	s.serve(plan.Stable, "v1", says("stable"))
	s.order.Traffic.Matches = []plan.Match{{Path: &plan.Condition{How: plan.Prefix, Value: "/new"}, Track: plan.Canary}}
	s.apply()
	got := s.get("/new")
	if got.StatusCode != http.StatusServiceUnavailable || got.Header.Get(ErrorHeader) != string(NoInstance) ||
		got.Header.Get("Retry-After") == "" || !strings.Contains(got.body, shop) {
		t.Errorf("got %d, %v, %q", got.StatusCode, got.Header, got.body)
	}
}

// A restart of the only instance loses nothing: requests wait for the next order.
func TestPatience(t *testing.T) {
	s := newStage(t, `{"patience": "20s"}`)
	s.apply()
	const waiters = 20
	answers := make(chan string, waiters)
	for range waiters {
		go func() { answers <- s.get("/").body }()
	}
	s.awaitWaiting(waiters)
	s.serve(plan.Stable, "v1", says("back"))
	s.apply()
	for range waiters {
		if got := <-answers; got != "back" {
			t.Errorf("got %q", got)
		}
	}
}

func (s *stage) awaitWaiting(n int64) {
	s.t.Helper()
	s.await("requests wait", func() bool { return s.proxy.Aside(shop).Waiting == n })
}

func (s *stage) await(what string, good func() bool) {
	s.t.Helper()
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for limit := time.Now().Add(10 * time.Second); !good(); <-look.C {
		if time.Now().After(limit) {
			s.t.Fatalf("still waiting: %s", what)
		}
	}
}

// The same process comes back on the same address, and no order says so.
func TestPatienceWithARestartInPlace(t *testing.T) {
	s := newStage(t, `{"patience": "20s"}`)
	address := s.dead(plan.Stable, "v1")
	s.apply()
	answer := make(chan string)
	go func() { answer <- s.get("/").body }()
	s.awaitWaiting(1)
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: says("back")}}
	server.Start()
	defer server.Close()
	if got := <-answer; got != "back" {
		t.Errorf("got %q", got)
	}
}

func TestQueueIsBounded(t *testing.T) {
	s := newStage(t, `{"patience": "20s", "limits": {"waiting": 2}}`)
	s.apply()
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { s.get("/") })
	}
	s.awaitWaiting(2)
	if got := s.get("/"); got.StatusCode != http.StatusServiceUnavailable || got.Header.Get(ErrorHeader) != string(Crowded) {
		t.Errorf("the third got %d %v", got.StatusCode, got.Header)
	}
	s.serve(plan.Stable, "v1", says("ok"))
	s.apply()
	wg.Wait()
}

func TestEjection(t *testing.T) {
	s := newStage(t, "")
	s.serve(plan.Stable, "alive", says("ok"))
	s.dead(plan.Stable, "dead")
	s.apply()
	for range 50 {
		if got := s.get("/"); got.body != "ok" {
			t.Fatalf("got %d %q", got.StatusCode, got.body)
		}
	}
	if c := s.proxy.Counted(shop)["dead"]; c.Requests == 0 || c.Requests > 5 {
		t.Errorf("the dead instance was tried %d times by 50 requests", c.Requests)
	}
}

func TestPick(t *testing.T) {
	instances := func(n int) []*instance {
		all := make([]*instance, n)
		for i := range all {
			all[i] = &instance{name: fmt.Sprint(i)}
		}
		return all
	}
	if got := (&track{}).pick(0); got != nil {
		t.Errorf("of nobody %v was picked", got)
	}
	busy := &track{instances: instances(2)}
	busy.instances[0].busy.Store(5)
	for range 20 {
		if got := busy.pick(0); got.name != "1" {
			t.Fatal("the busier of two was picked")
		}
	}
	out := &track{instances: instances(5)}
	for _, in := range out.instances[:4] {
		in.shunned.Store(100)
	}
	for range 50 {
		if got := out.pick(50); got.name != "4" {
			t.Fatalf("%s was picked, which refused just now", got.name)
		}
	}
	out.instances[4].shunned.Store(100)
	if out.pick(50) == nil {
		t.Error("all were passed over")
	}
	seen := map[string]bool{}
	for range 200 {
		seen[out.pick(100).name] = true
	}
	if len(seen) != 5 {
		t.Errorf("after the time is over only %v are picked", seen)
	}
}

func TestShunningGrowsAndForgets(t *testing.T) {
	in := &instance{}
	now := time.Now()
	var last time.Duration
	for range 12 {
		in.refused(now)
		out := time.Unix(0, in.shunned.Load()).Sub(now)
		if out < last || out > shunMost {
			t.Fatalf("passed over for %s after %s", out, last)
		}
		last = out
	}
	if last != shunMost {
		t.Errorf("passed over for %s at most, want %s", last, shunMost)
	}
	in.answered()
	in.refused(now)
	if out := time.Unix(0, in.shunned.Load()).Sub(now); out != shunFirst {
		t.Errorf("after an answer it is passed over for %s, want %s", out, shunFirst)
	}
}

func TestAddresses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	s := newStage(t, "")
	s.serve(plan.Stable, "v1", says("ok"))
	free := s.order.With
	s.order.With = fmt.Appendf(nil, `{"listen": %q}`, taken.Addr())
	err = s.proxy.Apply(t.Context(), shop, s.order)
	if err == nil || !strings.Contains(err.Error(), taken.Addr().String()) || !strings.Contains(err.Error(), "in use") {
		t.Fatalf("a taken address: %v", err)
	}
	s.order.With = free
	s.apply()
	first := s.url()

	s.order.With = fmt.Appendf(nil, `{"listen": %q}`, taken.Addr())
	if err := s.proxy.Apply(t.Context(), shop, s.order); err == nil {
		t.Fatal("a change to a taken address was accepted")
	}
	if s.url() != first || s.get("/").body != "ok" {
		t.Error("after a refused change the old address does not serve")
	}

	next := nobody(t)
	s.order.With = fmt.Appendf(nil, `{"listen": %q}`, next)
	s.apply()
	if got := s.proxy.Addr(shop).String(); got != next || s.get("/").body != "ok" {
		t.Errorf("after a change the address is %s, want %s", got, next)
	}
	s.await("the old address closes", func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(first, "http://"))
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	if err := s.proxy.Apply(t.Context(), "Process/other", s.order); err == nil || !strings.Contains(err.Error(), shop) {
		t.Errorf("an address that another target has: %v", err)
	}
}

// Changed settings of the server replace it behind the same, open address.
func TestSettingsChangeBehindTheDoor(t *testing.T) {
	s := newStage(t, "")
	s.serve(plan.Stable, "v1", says("ok"))
	s.apply()
	before := s.url()
	client := s.client()
	for i := range 5 {
		s.order.With = fmt.Appendf(nil, `{"listen": "127.0.0.1:0", "timeouts": {"idle": "%ds"}, "limits": {"headerBytes": %d}}`, 10+i, 8192+i)
		s.apply()
		for range 20 {
			resp, err := client.Get(s.url())
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
		}
	}
	if s.url() != before {
		t.Errorf("the address went from %s to %s", before, s.url())
	}
}

func TestCountersOutliveTables(t *testing.T) {
	s := newStage(t, "")
	now := time.Now()
	s.proxy.clock = func() time.Time { return now }
	s.serve(plan.Stable, "v1", says("ok"))
	s.serve(plan.Canary, "v2", says("ok"))
	s.split(plan.Whole)
	s.get("/")
	left := s.order.Endpoints[plan.Canary]
	s.order.Endpoints[plan.Canary] = nil
	s.split(0)
	now = now.Add(keepGone - time.Second)
	if c := s.proxy.Counted(shop)["v2"]; c.Requests != 1 {
		t.Errorf("just before the end %d requests are told", c.Requests)
	}
	s.order.Endpoints[plan.Stable] = left // promotion renames: the instance comes back on another track
	s.apply()
	now = now.Add(time.Minute)
	s.get("/")
	if c := s.proxy.Counted(shop)["v2"]; c.Requests != 2 {
		t.Errorf("after a change of track %d requests are told", c.Requests)
	}
	now = now.Add(keepGone + time.Second)
	if _, ok := s.proxy.Counted(shop)["v1"]; ok {
		t.Error("an instance that left long ago is told still")
	}
	if s.proxy.Counted("Process/other") != nil {
		t.Error("an unknown target has counters")
	}
}

func TestMirrorIsBoundedAndMarked(t *testing.T) {
	s := newStage(t, `{"limits": {"mirrors": 2, "mirrorBytes": 20000}, "timeouts": {"response": "10s"}}`)
	var marked, plain atomic.Int64
	seen := make(chan string, 16)
	hold := make(chan struct{})
	s.serve(plan.Stable, "v1", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(markMirror) != "" {
			marked.Add(1)
		}
		plain.Add(1)
	})
	s.serve(plan.Canary, "v2", func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, 64<<10)
		n := 0
		for m, err := 0, error(nil); err == nil; n += m {
			m, err = r.Body.Read(body)
		}
		seen <- fmt.Sprint(r.Method, " ", n, " ", r.Header.Get(markMirror))
		<-hold
		w.WriteHeader(http.StatusInternalServerError)
	})
	s.order.Traffic.Mirror = &plan.Mirror{Track: plan.Canary, Share: plan.Whole}
	s.apply()
	post := func(n int) {
		r, _ := http.NewRequest(http.MethodPost, s.url(), strings.NewReader(strings.Repeat("x", n)))
		r.Header.Set(markMirror, "forged")
		s.do(r)
	}
	post(30000) // too long to be copied
	post(18000) // streamed, and copied on its way
	if got := <-seen; got != "POST 18000 1" {
		t.Errorf("the mirror saw %q", got)
	}
	post(5)
	if got := <-seen; got != "POST 5 1" {
		t.Errorf("the mirror saw %q", got)
	}
	for range 5 {
		s.get("/") // both places are taken: these are left out
	}
	if busy := s.proxy.target(shop).observe().Busy["v2"]; busy != 2 {
		t.Errorf("the mirror is busy with %d, want 2", busy)
	}
	close(hold)
	s.await("copies are counted", func() bool { return s.proxy.Counted(shop)["v2"].Failures == 2 })
	if c := s.proxy.Counted(shop); c["v1"].Requests != 8 || c["v1"].Failures != 0 || c["v2"].Requests != 2 {
		t.Errorf("counted %+v", c)
	}
	if marked.Load() != 0 || plain.Load() != 8 {
		t.Errorf("%d of %d originals carry the mark of copies", marked.Load(), plain.Load())
	}
	if left := s.proxy.Aside(shop).LeftOut; left != 6 {
		t.Errorf("%d copies are said to be left out, want 6", left)
	}
}

// A canary that hangs must not touch stable, whatever piles up on it.
func TestHangingCanary(t *testing.T) {
	s := newStage(t, `{"timeouts": {"response": "300ms"}}`)
	s.serve(plan.Stable, "v1", says("ok"))
	s.serve(plan.Canary, "v2", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	s.split(500)
	var ok, late atomic.Int64
	var slowest atomic.Int64
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			begun := time.Now()
			got := s.get("/")
			switch {
			case got.StatusCode == http.StatusOK:
				ok.Add(1)
				for took := int64(time.Since(begun)); ; {
					if old := slowest.Load(); old >= took || slowest.CompareAndSwap(old, took) {
						break
					}
				}
			case got.StatusCode == http.StatusGatewayTimeout && got.Header.Get(ErrorHeader) == string(TimedOut):
				late.Add(1)
			}
		})
	}
	wg.Wait()
	if ok.Load()+late.Load() != 100 || late.Load() < 20 {
		t.Errorf("%d answered, %d timed out, of 100", ok.Load(), late.Load())
	}
	if c := s.proxy.Counted(shop); c["v2"].Failures != late.Load() || c["v1"].Failures != 0 {
		t.Errorf("counted %d failures of canary, %d of stable", c["v2"].Failures, c["v1"].Failures)
	}
	if s := time.Duration(slowest.Load()); s > 5*time.Second {
		t.Errorf("stable took up to %s", s)
	}
}

func TestClientsThatLeaveAreNoFailures(t *testing.T) {
	s := newStage(t, "")
	entered := make(chan struct{})
	s.serve(plan.Stable, "v1", func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
	})
	s.apply()
	ctx, cancel := context.WithCancel(t.Context())
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.url(), nil)
	go func() { <-entered; cancel() }()
	if _, err := s.client().Do(r); err == nil {
		t.Fatal("a request that was given up was answered")
	}
	tg := s.proxy.target(shop)
	s.await("the instance is free", func() bool { return tg.observe().Busy["v1"] == 0 })
	if c := s.proxy.Counted(shop)["v1"]; c.Failures != 0 || c.Requests != 0 {
		t.Errorf("counted %+v", c)
	}
	if got := s.proxy.Aside(shop).Cancelled["v1"]; got != 1 {
		t.Errorf("%d clients are counted as gone", got)
	}
}

func TestClosedProxyRefuses(t *testing.T) {
	p := New(router.Env{})
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.Apply(t.Context(), shop, router.Order{}); err == nil {
		t.Error("a closed proxy took an order")
	}
}
