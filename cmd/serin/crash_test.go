package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"syscall"
	"testing"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
)

var seed = flag.Uint64("seed", 7, "of the moments at which serin is killed")

// A receiver counts what it was told, by idempotency key.
type receiver struct {
	*httptest.Server
	mu   sync.Mutex
	told map[string]int
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{told: map[string]int{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.told[q.Header.Get("Idempotency-Key")]++
	}))
	t.Cleanup(r.Close)
	return r
}

// A witness remembers what could be seen of a release, over all restarts.
type witness struct {
	mu     sync.Mutex
	clocks map[int]map[time.Time]bool // since when each step was held, as told
}

func (w *witness) watch(ctx context.Context, s *running, name string) {
	for ctx.Err() == nil {
		s.client.Watch(ctx, name, func(r progress.Release) error { w.see(r); return nil })
		await(ctx, 10*time.Millisecond)
	}
}

func (w *witness) see(r progress.Release) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.Waiting != nil && r.Waiting.For == "time" {
		if w.clocks[r.Step] == nil {
			w.clocks[r.Step] = map[time.Time]bool{}
		}
		w.clocks[r.Step][r.Waiting.Since] = true
	}
}

// A release whose serin is killed again and again ends as it would have ended anyway: the next serin continues the same
// step, with its clock, and tells nobody twice.
func TestKilledSerinGoesOn(t *testing.T) {
	long(t, "a release through a dozen deaths takes half a minute")
	weighted := "steps: [{weight: 10, hold: 2s}, {weight: 30, hold: 2s}, {weight: 50, hold: 1s}]\n"
	patient := "judge: {kind: threshold, interval: 3s, failures: {max: 5%}, checks: {passed: 1}, noData: hold}\n"
	cases := []struct {
		name, canary string
		version      string
		want         plan.Phase
		after        string // the version that runs afterwards
	}{
		{"weighted, promoted", patient + weighted, "version=v2", plan.Succeeded, "version=v2"},
		{"weighted, rolled back", patient + weighted, "version=v2&fail=0.5", plan.Returned, "version=v1"},
		{"rolling", quickJudge + "strategy: rolling\nrolling: {batch: 50%, hold: 2s}", "version=v2", plan.Succeeded, "version=v2"},
		{"recreate", "strategy: recreate\nsteps: [{hold: 3s}]", "version=v2", plan.Succeeded, "version=v2"},
		{"recreate, never ready", "strategy: recreate\nprogressDeadline: 4s", "version=v2&boot=never", plan.Returned, "version=v1"},
	}
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			hooks := newReceiver(t)
			text := func(app string) string {
				return spec{app: app, canary: c.canary + "\n" +
					"notify: [{webhook: {url: \"" + hooks.URL + "\"}, on: [entered, rolledBack, promoted]}]"}.yaml()
			}
			s := start(t, text("version=v1"))
			s.over("shop", 15*time.Second)
			users := sendTo(t, s.url(), 100)
			users.settle(50)
			w := &witness{clocks: map[int]map[time.Time]bool{}}
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			go w.watch(ctx, s, "shop-2")

			s.rewrite(text(c.version))
			deaths := dieUntilOver(t, s, "shop-2", rand.New(rand.NewPCG(*seed, uint64(i))))
			r := s.over("shop-2", 20*time.Second)
			if r.Phase != c.want {
				t.Errorf("want %s, got %s", c.want, r.Headline)
			}
			t.Logf("%d deaths, %s", deaths, r.Headline)
			once(t, r)
			if w.check(t); len(w.clocks) == 0 && r.Phase == plan.Succeeded {
				t.Error("no clock was seen at all")
			}
			rightProcesses(t, s, 2, c.after)
			eventually(t, 15*time.Second, "all hooks are told or given up", func() bool { return settled(s.get("shop-2")) })
			hooks.check(t)
		})
	}
}

// dieUntilOver kills and restarts serin at random moments, and returns how often.
func dieUntilOver(t *testing.T, s *running, name string, dice *rand.Rand) (deaths int) {
	t.Helper()
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end); deaths++ {
		await(context.Background(), time.Duration(300+dice.IntN(600))*time.Millisecond)
		if r, err := s.client.Release(context.Background(), name); err == nil && r.Phase.Over() {
			return deaths
		}
		s.kill()
		s.start()
	}
	t.Fatalf("%s was not over after %d deaths", name, deaths)
	return deaths
}

// once wants every event of a release in its log once: a step is not reached again by a serin that merely came back.
func once(t *testing.T, r progress.Release) {
	t.Helper()
	count := map[string]int{}
	for _, e := range r.Events {
		if e.Reason != "Waiting" {
			count[fmt.Sprintf("%s at step %d", e.Reason, e.Step)]++
		}
	}
	if r.Phase == plan.Returned {
		count["StepReached at step 0"]-- // a second time, on the way back
	}
	for event, n := range count {
		if n != 1 {
			t.Errorf("%s: %d times", event, n)
		}
	}
}

func (w *witness) check(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for step, since := range w.clocks {
		if len(since) != 1 {
			t.Errorf("the clock of step %d was started again: %v", step, since)
		}
	}
}

// settled reports whether there is nothing left to tell.
func settled(r progress.Release) bool {
	for _, h := range r.Hooks {
		if h.State == "pending" || h.State == "under way" {
			return false
		}
	}
	return len(r.Hooks) > 0
}

func (r *receiver) check(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.told) == 0 {
		t.Errorf("hardly anybody was told: %v", r.told)
	}
	for key, n := range r.told {
		if n != 1 {
			t.Errorf("%s was told %d times", key, n)
		}
	}
}

// Applications that are killed are started again; the release goes on, and each death costs only the requests under way on
// what died.
func TestKilledApplication(t *testing.T) {
	long(t, "a release with dying applications takes ten seconds")
	text := func(app string) string {
		return spec{app: app, replicas: 3, canary: quickJudge + "steps: [{weight: 30, hold: 3s}]"}.yaml()
	}
	s := start(t, text("version=v1"))
	s.over("shop", 15*time.Second)
	users := sendTo(t, s.url(), 100)
	users.settle(50)
	s.rewrite(text("version=v2"))
	s.until("shop-2", 15*time.Second, isAt("30%"))
	var killed int64
	for killed < 4 {
		for pid, settings := range s.processes() {
			if settings == "version=v1" {
				syscall.Kill(pid, syscall.SIGKILL)
				killed++
				break
			}
		}
		await(context.Background(), 400*time.Millisecond)
	}
	if r := s.over("shop-2", 30*time.Second); r.Phase != plan.Succeeded {
		t.Errorf("stable dies, the canary does not: want promotion, got %s", r.Headline)
	}
	if r := users.end(); r.Total.Failures() > killed {
		t.Errorf("%d deaths cost %d requests: %s", killed, r.Total.Failures(), r)
	}
	rightProcesses(t, s, 3, "version=v2")
}

// A connection that never ends is answered from the old version for as long as draining may take, and does not keep the new
// one from taking over.
func TestLongConnection(t *testing.T) {
	long(t, "draining takes its time")
	text := func(app string) string {
		return spec{app: app, proxy: ", drain: 3s", canary: "judge: {kind: none}\nsteps: [{weight: 50, hold: 100ms}]"}.yaml()
	}
	s := start(t, text("version=v1"))
	s.over("shop", 15*time.Second)
	conn, err := net.Dial("tcp", s.listen)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	fmt.Fprintf(conn, "GET /upgrade HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	from := bufio.NewReader(conn)
	answer, err := http.ReadResponse(from, nil)
	if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("want an upgrade, got %v %v", answer, err)
	}
	echo := func() error {
		fmt.Fprintln(conn, "hello")
		_, err := from.ReadString('\n')
		return err
	}
	if err := echo(); err != nil {
		t.Fatal(err)
	}
	s.rewrite(text("version=v2"))
	s.until("shop-2", 15*time.Second, func(r progress.Release) bool { return r.Waiting != nil && r.Waiting.For == "drain" })
	if err := echo(); err != nil {
		t.Errorf("the connection was cut before draining was over: %v", err)
	}
	if r := s.over("shop-2", 20*time.Second); r.Phase != plan.Succeeded {
		t.Errorf("want promotion, got %s", r.Headline)
	}
	if err := echo(); err == nil {
		t.Error("the connection outlived its version")
	}
	rightProcesses(t, s, 2, "version=v2")
}

// SIGTERM drains: what is under way is answered, of whatever kind, and the applications end before serin does.
func TestDrain(t *testing.T) {
	s := start(t, spec{app: "version=v1"}.yaml())
	s.over("shop", 15*time.Second)
	type reply struct {
		body string
		err  error
	}
	ask := func(path string) chan reply {
		got := make(chan reply, 1)
		go func() {
			answer, err := http.Get(s.url() + path)
			if err != nil {
				got <- reply{"", err}
				return
			}
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			got <- reply{string(body), err}
		}()
		return got
	}
	slow, stream := ask("slow?for=2s"), ask("stream?for=2s")
	eventually(t, 5*time.Second, "both requests are under way", func() bool {
		busy := 0
		for _, track := range s.get("shop").Tracks {
			for _, in := range track.Instances {
				busy += in.Busy
			}
		}
		return busy == 2
	})
	if code := s.stop(); code != 0 {
		t.Errorf("want exit code 0, got %d", code)
	}
	if got := <-slow; got.err != nil || got.body != "done\n" {
		t.Errorf("the slow request: %v %q", got.err, got.body)
	}
	if got := <-stream; got.err != nil || len(got.body) < 20 || got.body[len(got.body)-4:] != "end\n" {
		t.Errorf("the stream: %v %q", got.err, got.body)
	}
	if left := s.processes(); len(left) > 0 {
		t.Errorf("still running: %v", left)
	}
}
