package conformance

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"serin.dev/serin/internal/plan"
)

// sigmas is how far from its share a count may lie.
const sigmas = 4.5

// senders is how many requests are under way at once.
const senders = 8

// hear sends n requests and counts who answered.
func (b *bench) hear(n int) map[plan.TrackName]int {
	b.t.Helper()
	var left atomic.Int64
	left.Store(int64(n))
	heard := make([]map[plan.TrackName]int, senders)
	errs := make([]error, senders)
	var wg sync.WaitGroup
	for i := range senders {
		heard[i] = map[plan.TrackName]int{}
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				track, err := b.try("/")
				if err != nil {
					errs[i] = err
					return
				}
				heard[i][track]++
			}
		})
	}
	wg.Wait()
	total := map[plan.TrackName]int{}
	for i := range senders {
		if errs[i] != nil {
			b.t.Fatal(errs[i])
		}
		for track, n := range heard[i] {
			total[track] += n
		}
	}
	return total
}

// likely fails when the count cannot come from the share.
func (b *bench) likely(what string, share plan.Share, count, n int) {
	b.t.Helper()
	p := float64(share) / float64(plan.Whole)
	mean, deviation := p*float64(n), math.Sqrt(p*(1-p)*float64(n))
	if off := math.Abs(float64(count) - mean); off > sigmas*deviation+1 {
		b.t.Errorf("%s: %d of %d for a share of %s, %.1f standard deviations away", what, count, n, share, off/max(deviation, 1e-9))
	}
}

func shares(t *testing.T, b *bench) {
	if b.Driver.Features.Has(plan.Counted) {
		countedShares(b)
		return
	}
	b.both()
	for _, test := range []struct {
		share plan.Share
		n     int
	}{{10, 4000}, {100, 2000}, {500, 2000}} {
		b.apply(plan.Traffic{Shares: split(test.share)})
		b.likely("canary", test.share, b.hear(test.n)[plan.Canary], test.n)
	}
}

// countedShares orders what ten instances can give.
func countedShares(b *bench) {
	b.serve(plan.Canary, "v2.0")
	for i := range 9 {
		b.serve(plan.Stable, fmt.Sprint("v1.", i))
	}
	const n = 2000
	for _, share := range []plan.Share{100, 500, 250} {
		b.apply(plan.Traffic{Shares: split(share)})
		b.likely("canary", share, b.hear(n)[plan.Canary], n)
	}
}

func fineShares(t *testing.T, b *bench) {
	if b.Driver.Features.Has(plan.Counted) {
		t.Skipf("NOT RUN: it takes a thousand instances to give 0.1%%, and router %s splits by their number", b.Driver.Name)
	}
	n := 12000 / int(b.Fine)
	b.both()
	b.apply(plan.Traffic{Shares: split(b.Fine)})
	got := b.hear(n)[plan.Canary]
	b.likely("canary", b.Fine, got, n)
	if got == 0 {
		t.Errorf("a share of %s of %d requests got nothing", b.Fine, n)
	}
}

func allOrNothing(t *testing.T, b *bench) {
	stable, canary := b.both()
	b.apply(plan.Traffic{Shares: split(0)})
	b.hear(500)
	if got := canary.requests.Load(); got != 0 {
		t.Errorf("canary got %d requests for no share", got)
	}
	before := stable.requests.Load()
	b.apply(plan.Traffic{Shares: split(plan.Whole)})
	b.hear(500)
	if got := stable.requests.Load() - before; got != 0 {
		t.Errorf("stable got %d requests for no share", got)
	}
}

// claimed orders a match for canary and asks with and without meeting it.
func (b *bench) claimed(m plan.Match, yes, no [][]string) {
	b.t.Helper()
	b.both()
	m.Track = plan.Canary
	b.apply(plan.Traffic{Shares: split(0), Matches: []plan.Match{m}})
	for _, header := range yes {
		if got := b.ask(header[0], header[1:]...); got != plan.Canary {
			b.t.Errorf("%v: %s answered, want canary", header, got)
		}
	}
	for _, header := range no {
		if got := b.ask(header[0], header[1:]...); got != plan.Stable {
			b.t.Errorf("%v: %s answered, want stable", header, got)
		}
	}
}

func headers(t *testing.T, b *bench) {
	for _, test := range []struct {
		how     plan.How
		value   string
		yes, no []string
	}{
		{plan.Exact, "canary", []string{"canary"}, []string{"canary2", "CANARY", ""}},
		{plan.Prefix, "can", []string{"can", "canary"}, []string{"ca", "xcan"}},
		{plan.Regex, "v[0-9]+", []string{"v1", "v22"}, []string{"v", "v1x", "xv1"}},
		{plan.Present, "", []string{"anything"}, nil},
	} {
		t.Run(string(test.how), func(t *testing.T) {
			b := newBench(t, b.Subject)
			var yes, no [][]string
			for _, v := range test.yes {
				yes = append(yes, []string{"/", "X-Serin", v}, []string{"/", "x-serin", v})
			}
			for _, v := range test.no {
				no = append(no, []string{"/", "X-Serin", v})
			}
			no = append(no, []string{"/"}, []string{"/", "X-Other", "canary"})
			b.claimed(plan.Match{Headers: []plan.Condition{{Name: "X-Serin", How: test.how, Value: test.value}}}, yes, no)
		})
	}
}

func cookies(t *testing.T, b *bench) {
	b.claimed(plan.Match{Cookies: []plan.Condition{{Name: "beta", How: plan.Exact, Value: "on"}}},
		[][]string{{"/", "Cookie", "beta=on"}, {"/", "Cookie", "a=b; beta=on; c=d"}},
		[][]string{{"/"}, {"/", "Cookie", "beta=off"}, {"/", "Cookie", "xbeta=on"}, {"/", "Cookie", "a=beta=on"}})
}

func paths(t *testing.T, b *bench) {
	b.claimed(plan.Match{Path: &plan.Condition{How: plan.Prefix, Value: "/new"}},
		[][]string{{"/new"}, {"/new/things?x=1"}},
		[][]string{{"/"}, {"/old/new"}, {"/?/new"}})
}

func matchOrder(t *testing.T, b *bench) {
	b.both()
	b.serve(plan.Baseline, "v1b.0")
	present := func(name string, track plan.TrackName) plan.Match {
		return plan.Match{Headers: []plan.Condition{{Name: name, How: plan.Present}}, Track: track}
	}
	b.apply(plan.Traffic{Shares: split(0), Matches: []plan.Match{present("X-A", plan.Canary), present("X-B", plan.Baseline)}})
	for _, test := range []struct {
		header []string
		want   plan.TrackName
	}{
		{nil, plan.Stable}, {[]string{"X-A", "1"}, plan.Canary}, {[]string{"X-B", "1"}, plan.Baseline},
		{[]string{"X-B", "1", "X-A", "1"}, plan.Canary},
	} {
		if got := b.ask("/", test.header...); got != test.want {
			t.Errorf("with %v %s answered, want %s", test.header, got, test.want)
		}
	}
}

func mirrored(t *testing.T, b *bench) {
	const n = 400
	_, canary := b.both()
	b.apply(plan.Traffic{Shares: split(0), Mirror: &plan.Mirror{Track: plan.Canary, Share: 500}})
	// One after the other: a router may leave copies out when too many are under way.
	for range n {
		if got := b.ask("/"); got != plan.Stable {
			t.Fatalf("%s answered, want stable", got)
		}
	}
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for limit := time.Now().Add(b.Settle); canary.requests.Load() < n/4 && time.Now().Before(limit); {
		<-look.C
	}
	b.likely("mirror", 500, int(canary.requests.Load()), n)
}

func undisturbed(t *testing.T, b *bench) {
	b.serve(plan.Stable, "v1.0")
	hanging := &backend{track: plan.Canary, hold: make(chan struct{}), entered: make(chan struct{}, 1)}
	defer close(hanging.hold)
	b.start("v2.0", hanging)
	b.apply(plan.Traffic{Shares: split(0), Mirror: &plan.Mirror{Track: plan.Canary, Share: plan.Whole}})
	begun := time.Now()
	b.hear(300)
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("300 requests took %s while the mirror hung", took)
	}
}

func sticky(t *testing.T, b *bench) {
	if b.Pins {
		pinned(t, b)
		return
	}
	const users = 150
	b.both()
	glue := &plan.Sticky{Cookie: "serin-test", Salt: "r1"}
	cookies := make([]*http.Cookie, users)
	was := make([]plan.TrackName, users)
	for _, share := range []plan.Share{100, 100, 300, 700, plan.Whole} {
		b.apply(plan.Traffic{Shares: split(share), Sticky: glue})
		canaries := 0
		for user := range users {
			is := b.askAs(&cookies[user])
			if was[user] == plan.Canary && is != plan.Canary {
				t.Errorf("user %d was sent back at %s", user, share)
			}
			if was[user] = is; is == plan.Canary {
				canaries++
			}
		}
		b.likely(fmt.Sprintf("users on canary at %s", share), share, canaries, users)
	}
	for user := range users {
		if got := b.askAs(&cookies[user]); got != was[user] {
			t.Errorf("user %d was on %s and is on %s with nothing changed", user, was[user], got)
		}
	}
}

// askAs keeps the user's cookie, as a browser would.
func (b *bench) askAs(cookie **http.Cookie) plan.TrackName {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.URL(b.router, b.Target)+"/", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	if *cookie != nil {
		r.AddCookie(*cookie)
	}
	resp, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	resp.Body.Close()
	if set := resp.Cookies(); len(set) > 0 {
		*cookie = set[0]
	}
	return plan.TrackName(resp.Header.Get("X-Track"))
}

func draining(t *testing.T, b *bench) {
	b.serve(plan.Stable, "v1.0")
	held := &backend{track: plan.Canary, hold: make(chan struct{}), entered: make(chan struct{}, 1)}
	b.start("v2.0", held)
	b.apply(plan.Traffic{Shares: split(plan.Whole)})
	answer := make(chan error, 1)
	go func() {
		track, err := b.try("/")
		if err == nil && track != plan.Canary {
			err = fmt.Errorf("%s answered, want canary", track)
		}
		answer <- err
	}()
	<-held.entered
	b.order.Endpoints[plan.Canary] = nil
	b.apply(plan.Traffic{Shares: split(0)})
	if got := b.observe(b.Target).Busy["v2.0"]; got != 1 {
		t.Errorf("an instance that left with a request under way has %d", got)
	}
	close(held.hold)
	if err := <-answer; err != nil {
		t.Errorf("the request under way: %v", err)
	}
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for limit := time.Now().Add(b.Settle); ; <-look.C {
		if _, busy := b.observe(b.Target).Busy["v2.0"]; !busy {
			return
		}
		if time.Now().After(limit) {
			t.Fatal("the instance stays busy after its last request")
		}
	}
}

// lossless moves weights and instances about under load. Instances are stopped as the engine would stop them: when they
// are out of the order and no longer busy.
func lossless(t *testing.T, b *bench) {
	b.both()
	b.serve(plan.Stable, "v1.1")
	b.serve(plan.Canary, "v2.1")
	b.apply(plan.Traffic{Shares: split(0)})
	stop := make(chan struct{})
	errs := make([]error, senders)
	var sent atomic.Int64
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := b.try("/"); err != nil {
					errs[i] = err
					return
				}
				sent.Add(1)
			}
		})
	}
	all := b.order.Endpoints
	for step := range 12 {
		want := sent.Load() + 50
		b.order.Endpoints = map[plan.TrackName][]plan.Endpoint{
			plan.Stable: slices.Clone(all[plan.Stable][step%2:]), plan.Canary: slices.Clone(all[plan.Canary][:1+step%2]),
		}
		b.apply(plan.Traffic{Shares: split(plan.Share(step * 83))})
		awaitCount(b, &sent, want)
	}
	close(stop)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			t.Errorf("a request was lost after %d: %v", sent.Load(), err)
		}
	}
}

// awaitCount waits until so many requests were answered.
func awaitCount(b *bench, n *atomic.Int64, want int64) {
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for limit := time.Now().Add(b.Settle); n.Load() < want && time.Now().Before(limit); {
		<-look.C
	}
}
