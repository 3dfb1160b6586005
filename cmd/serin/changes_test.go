package main

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
)

const held = quickJudge + "steps: [{weight: 20, hold: 1h}]\n"

// begun starts a release that is held at 20 % under load.
func begun(t *testing.T) (*running, *load) {
	t.Helper()
	s := start(t, spec{app: "version=v1", canary: held}.yaml())
	s.over("shop", 15*time.Second)
	users := sendTo(t, s.url(), 100)
	users.settle(50)
	s.rewrite(spec{app: "version=v2", canary: held}.yaml())
	s.until("shop-2", 15*time.Second, isAt("20%"))
	eventually(t, 10*time.Second, "the canary answers", func() bool { return users.seen("v2") > 0 })
	return s, users
}

// A newer revision takes the place of the one under way: traffic goes back to stable first, then the newer one is released.
func TestSupersede(t *testing.T) {
	long(t, "two releases under load")
	s, users := begun(t)
	s.rewrite(spec{app: "version=v3", canary: quickJudge + "steps: [{weight: 50, hold: 1s}]"}.yaml())
	if r := s.over("shop-2", 20*time.Second); r.Phase != plan.Superseded {
		t.Errorf("want v2 superseded, got %s", r.Headline)
	}
	r := s.over("shop-3", 20*time.Second)
	if r.Phase != plan.Succeeded || !strings.HasPrefix(string(r.From), "v1-") || !strings.HasPrefix(string(r.To), "v3-") {
		t.Errorf("want v3 promoted over v1, got %s (from %s to %s)", r.Headline, r.From, r.To)
	}
	if got := s.cli("wait", "shop-2", "-q"); got.code != 5 {
		t.Errorf("wait for the superseded release: want exit code 5, got %+v", got)
	}
	users.nothingLost("")
	rightProcesses(t, s, 2, "version=v3")
}

// Going back to what is stable ends the release, and nothing is released instead.
func TestRevert(t *testing.T) {
	long(t, "a release under load")
	s, users := begun(t)
	s.rewrite(spec{app: "version=v1", canary: held}.yaml())
	if r := s.over("shop-2", 20*time.Second); r.Phase != plan.Superseded {
		t.Errorf("want v2 superseded, got %s", r.Headline)
	}
	users.settle(150)
	if r := s.get("shop"); r.Name != "shop-2" || r.Next != "" {
		t.Errorf("want nothing further, got %s (next %q)", r.Name, r.Next)
	}
	users.nothingLost("")
	rightProcesses(t, s, 2, "version=v1")
}

// Other steps for the same revision are a new plan: the release begins again with them.
func TestEditedSteps(t *testing.T) {
	long(t, "a release under load")
	s, users := begun(t)
	s.rewrite(spec{app: "version=v2", canary: quickJudge + "steps: [{weight: 50, hold: 1s}]"}.yaml())
	if r := s.over("shop-3", 30*time.Second); r.Phase != plan.Succeeded || r.Rail[1].Name != "50%" {
		t.Errorf("want v2 promoted by the new steps, got %s", r.Headline)
	}
	users.nothingLost("")
	rightProcesses(t, s, 2, "version=v2")
}

// Nonsense in the file changes nothing but what is said; the mended file goes on.
func TestNonsense(t *testing.T) {
	long(t, "a release under load")
	s, users := begun(t)
	s.rewrite(strings.Replace(spec{app: "version=v3", canary: held}.yaml(), "weight: 20", "wieght: 20", 1))
	r := s.until("shop", 10*time.Second, func(r progress.Release) bool { return r.Trouble != "" })
	for _, want := range []string{"wieght", s.file + ":", "did you mean weight"} {
		if !strings.Contains(r.Trouble, want) {
			t.Errorf("want %q in %q", want, r.Trouble)
		}
	}
	if got := s.cli("get", "shop"); got.code != 0 || !strings.Contains(got.out, "wieght") {
		t.Errorf("serin get does not say it: %+v", got)
	}
	users.settle(100)
	if r := s.get("shop"); r.Name != "shop-2" || r.StepName != "20%" || r.Phase != plan.Progressing {
		t.Errorf("want the old plan to hold, got %s", r.Headline)
	}
	s.rewrite(spec{app: "version=v2", canary: held}.yaml())
	s.until("shop", 10*time.Second, func(r progress.Release) bool { return r.Trouble == "" })
	if r := s.get("shop"); r.Name != "shop-2" || r.StepName != "20%" {
		t.Errorf("want the release untouched by the mended file, got %s", r.Headline)
	}
	if err := os.Remove(s.file); err != nil {
		t.Fatal(err)
	}
	s.until("shop", 10*time.Second, func(r progress.Release) bool { return strings.Contains(r.Trouble, "no such file") })
	users.nothingLost("")
	rightProcesses(t, s, 3, "")
}

// A file with nonsense at the start of a serin that continues: it says so and ends, and what the last one left serving is
// still there for the next.
func TestNonsenseAtRestart(t *testing.T) {
	s := start(t, spec{app: "version=v1"}.yaml())
	s.over("shop", 15*time.Second)
	s.kill()
	before := s.processes()
	s.rewrite("kind: Nonsense\n")
	s.start()
	if code := s.exit(20 * time.Second); code != 1 {
		t.Errorf("want exit code 1, got %d", code)
	}
	after := s.processes()
	for pid := range before {
		if after[pid] == "" {
			t.Errorf("process %d was stopped because of a typing error", pid)
		}
	}
	s.rewrite(spec{app: "version=v1"}.yaml())
	s.start()
	users := sendTo(t, s.url(), 50)
	eventually(t, 10*time.Second, "it serves again", func() bool { return users.seen("v1") > 0 })
	users.end()
	rightProcesses(t, s, 2, "version=v1")
}

// One target has one owner; the second Canary is told who it is, in the files as well as by a renamed Canary.
func TestTwoOwners(t *testing.T) {
	text := spec{app: "version=v1"}.yaml()
	_, canary, _ := strings.Cut(text, "---\n")
	second := strings.Replace(canary, "metadata: {name: shop}", "metadata: {name: usurper}", 1)
	s := prepare(t, text, second)
	s.start()
	if code := s.exit(10 * time.Second); code != 1 || !strings.Contains(s.log.String(), "app1.yaml:") || !strings.Contains(s.log.String(), "Canary shop") {
		t.Errorf("want a refusal that names the owner, got %d:\n%s", code, s.log)
	}
	s.files = s.files[:1]
	s.start()
	s.over("shop", 15*time.Second)
	s.rewrite(strings.Replace(text, "kind: Canary\nmetadata: {name: shop}", "kind: Canary\nmetadata: {name: usurper}", 1))
	s.until("shop", 10*time.Second, func(r progress.Release) bool {
		return strings.Contains(r.Trouble, "owned by Canary shop")
	})
	rightProcesses(t, s, 2, "version=v1")
}

// Users with a cookie stay where they are: who once met the new version meets it until it goes, and a growing share only
// adds to them.
func TestStickyUsers(t *testing.T) {
	long(t, "a release under load")
	text := func(app string) string {
		return spec{app: app, traffic: "sticky: {cookie: track}", canary: quickJudge + "steps: [{weight: 20, hold: 2s}, {weight: 60, hold: 1h}]"}.yaml()
	}
	s := start(t, text("version=v1"))
	s.over("shop", 15*time.Second)
	var moved [30]atomic.Bool // by user: has met v2
	var back, failed atomic.Int64
	going, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for i := range moved {
		jar, _ := cookiejar.New(nil)
		user := &http.Client{Jar: jar, Timeout: 10 * time.Second}
		all.Go(func() {
			for ; going.Err() == nil; await(going, 20*time.Millisecond) {
				answer, err := user.Get(s.url())
				if err != nil {
					failed.Add(1)
					continue
				}
				answer.Body.Close()
				switch version := answer.Header.Get("Version"); {
				case version == "v2":
					moved[i].Store(true)
				case moved[i].Load():
					back.Add(1)
				}
			}
		})
	}
	defer all.Wait()
	defer stop()
	s.rewrite(text("version=v2"))
	s.until("shop-2", 20*time.Second, isAt("60%"))
	met := func() (n int) {
		for i := range moved {
			if moved[i].Load() {
				n++
			}
		}
		return n
	}
	eventually(t, 10*time.Second, "many users met the new version", func() bool { return met() > 8 })
	if n := back.Load(); n > 0 {
		t.Errorf("users went back %d times", n)
	}
	if got := s.cli("abort", "shop", "--reason", "enough"); got.code != 0 {
		t.Errorf("abort: %+v", got)
	}
	s.over("shop-2", 15*time.Second)
	eventually(t, 5*time.Second, "everybody is back on stable", func() bool { return back.Load() > 0 })
	if n := failed.Load(); n > 0 {
		t.Errorf("%d requests failed", n)
	}
}
