package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"serin.dev/serin/internal/notify"
)

// noisy tells a receiver of every step and of the end.
func noisy(judged, receiver string) string {
	hook := fmt.Sprintf("{webhook: {url: %q}, on: [entered]}", receiver)
	return judged + fmt.Sprintf(`
steps:
- {weight: 10, hold: 4s, notify: [%[1]s]}
- {weight: 20, hold: 4s, notify: [%[1]s]}
- {weight: 30, hold: 4s, notify: [%[1]s]}
- {weight: 50, hold: 4s, notify: [%[1]s]}
notify:
- {webhook: {url: %[2]q}, on: [promoted, rolledBack]}
`, hook, receiver)
}

// A receiver counts what it is told, by key.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	told  map[string]int
	words []string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{told: map[string]int{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		var m notify.Message
		body, err := io.ReadAll(io.LimitReader(req.Body, 1<<16))
		if err != nil || json.Unmarshal(body, &m) != nil {
			return // a sender that was killed in the middle has told nothing
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.told[m.Key]++
		r.words = append(r.words, string(m.Event))
	}))
	t.Cleanup(r.Close)
	return r
}

// keys are what was told of a release, and how often.
func (r *receiver) keys(release string) map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	told := map[string]int{}
	for key, n := range r.told {
		if strings.Contains(key, release+"/") {
			told[key] = n
		}
	}
	return told
}

// once checks that everything was told, and nothing twice. What a killed process was telling may be missing: it is not told
// again, since it may have arrived.
func (r *receiver) once(t *testing.T, release string, all, interrupted int) {
	t.Helper()
	told := r.keys(release)
	for key, n := range told {
		if n > 1 {
			t.Errorf("%s was told %d times", key, n)
		}
	}
	if len(told) > all || len(told) < all-interrupted {
		t.Errorf("%d things were told, want %d and at most %d interrupted: %v", len(told), all, interrupted, told)
	}
}

// The controller is killed again and again through a whole release, and the users, the receiver of its messages and the
// record notice nothing.
func TestControllerKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	s := newOwnStage(t)
	r := newReceiver(t)
	s.serin.alone()
	s.start()
	u := s.openGateway(noisy(brisk, r.URL))
	s.podinfo("v2")
	name := s.begun()

	kills := 0
	for !s.over(name) && kills < 40 {
		s.serin.kill()
		kills++
		s.start()
		s.lasts(name, 4*time.Second)
	}
	s.ends(name, "Promoted", slow)
	s.pristine("v2")
	u.nothingFrom(pace, "v1")
	u.report("v1", "v2")
	t.Logf("%d kills", kills)
	if kills < 3 {
		t.Errorf("the release was over after %d kills: nothing was tried", kills)
	}
	s.await("the end is told", 30*time.Second, func(context.Context) (bool, error) {
		return len(r.keys(name)) >= 4, nil
	})
	r.once(t, name, 5, 1)
}

// The same with a version that has to go back.
func TestControllerKilledWhileItGoesBack(t *testing.T) {
	t.Parallel()
	s := newOwnStage(t)
	s.serin.alone()
	s.start()
	u := s.openGateway(twoSteps)
	s.podinfo("errors", "--random-error")
	name := s.begun()
	for kills := 0; !s.over(name) && kills < 40; kills++ {
		s.serin.kill()
		s.start()
		s.lasts(name, 3*time.Second)
	}
	s.says(s.ends(name, "RolledBack", 2*time.Minute), "AnalysisFailed", "failures")
	u.nothingFrom(pace, "errors", broken)
	s.pristine("v1")
	u.report("v1", "errors", broken)
}

// Two controllers stand by each other: when the one that leads dies, the other goes on.
func TestLeaderDies(t *testing.T) {
	t.Parallel()
	s := newOwnStage(t)
	r := newReceiver(t)
	s.start()
	u := s.openGateway(noisy(quick, r.URL))
	second := theatre.newController(t.Name()+"-second", s.serin.config, s.home, s.ns)
	if err := second.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.later(func() {
		if err := second.stop(); err != nil {
			t.Error(err)
		}
	})
	s.podinfo("v2")
	name := s.begun()
	s.at(name, "20%", "", long)
	s.serin.kill()
	s.serin = second
	s.ends(name, "Promoted", slow)
	s.pristine("v2")
	u.report("v1", "v2")
	s.await("the end is told", 30*time.Second, func(context.Context) (bool, error) {
		return len(r.keys(name)) >= 4, nil
	})
	r.once(t, name, 5, 1)
}

// The API server is gone for a minute: everything stays as it is, and goes on afterwards.
func TestNoAPIServerForAMinute(t *testing.T) {
	s := newOwnStage(t)
	away := s.apiServer()
	s.start()
	u := s.openGateway(quick + "steps:\n- {weight: 20, hold: 10s}\n- {weight: 50, hold: 5s}\n")
	s.podinfo("v2")
	name := s.begun()
	s.at(name, "20%", "", long)
	u.served("v2", 10)
	back := away()
	from := time.Now()
	s.await("a minute passes", 2*time.Minute, func(context.Context) (bool, error) { return time.Since(from) > time.Minute, nil })
	back()
	s.restarts() // a leader that cannot renew its lease ends itself, and whoever runs it starts it again
	s.ends(name, "Promoted", slow)
	s.pristine("v2")
	u.report("v1", "v2")
}

// apiServer returns how to take the API server away, which returns how to bring it back. Where the cluster is not ours to be
// stopped, the wire of the controller is cut instead.
func (s *stage) apiServer() (away func() (back func())) {
	s.Helper()
	if len(clusterCommand) == 0 {
		wire := newWire(s.T, s.later, theatre.apiServer)
		s.serin.through(s.T, "https://"+wire.address())
		return func() func() { wire.cut(); return wire.mend }
	}
	order := func(verb string) {
		s.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), long)
		defer cancel()
		args := append(slices.Clone(clusterCommand[1:]), verb, "apiserver")
		if out, err := exec.CommandContext(ctx, clusterCommand[0], args...).CombinedOutput(); err != nil {
			s.Fatalf("%s the API server: %v: %s", verb, err, out)
		}
	}
	return func() func() {
		order("stop")
		stopped := true
		back := func() {
			if stopped {
				order("start")
				stopped = false
			}
			if theatre.shared.gone() {
				if err := theatre.shared.start(context.Background()); err != nil {
					s.Fatal(err)
				}
			}
		}
		s.Cleanup(back)
		return back
	}
}

// Where the metric store is gone, nobody can say whether the release is good: it holds, and goes on when the store is back.
func TestPrometheusGone(t *testing.T) {
	s := newStage(t)
	wire := newWire(t, t.Cleanup, prometheus)
	u := s.openGateway(strings.Replace(brisk, "scrape: {}", fmt.Sprintf("prometheus: {address: %q}", "http://"+wire.address()), 1) + `
steps:
- {weight: 20, hold: 2s}
- {weight: 50, hold: 2s}
`)
	wire.cut()
	s.podinfo("v2")
	name := s.begun()
	s.at(name, "20%", "AwaitingData", long)
	u.served("v1", 10*pace)
	s.at(name, "20%", "AwaitingData", long)
	wire.mend()
	s.ends(name, "Promoted", slow)
	s.pristine("v2")
	u.report("v1", "v2")
}

// A receiver that is gone does not keep a release from going on.
func TestReceiverGone(t *testing.T) {
	s := newStage(t)
	r := newReceiver(t)
	wire := newWire(t, t.Cleanup, strings.TrimPrefix(r.URL, "http://"))
	u := s.openGateway(noisy(quick, "http://"+wire.address()))
	wire.cut()
	s.podinfo("v2")
	name := s.begun()
	s.at(name, "30%", "", long)
	wire.mend()
	s.ends(name, "Promoted", slow)
	u.report("v1", "v2")
	s.await("everything is told after all", time.Minute, func(context.Context) (bool, error) { return len(r.keys(name)) == 5, nil })
	r.once(t, name, 5, 0)
}

// over reports whether a release is.
func (s *stage) over(name string) bool {
	r, err := s.read(s.Context(), name)
	return err == nil && over(r.Status.Phase)
}

// lasts waits for some time, or for the end of a release.
func (s *stage) lasts(name string, d time.Duration) {
	s.Helper()
	from := time.Now()
	s.await("time passes", d+long, func(context.Context) (bool, error) { return time.Since(from) > d || s.over(name), nil })
}

// restarts starts the controller again if it has ended.
func (s *stage) restarts() {
	s.Helper()
	if s.serin.gone() {
		s.start()
	}
}
