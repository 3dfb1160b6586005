package simulation

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/engine"
	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/world"
)

// A plain judge for the runs over thousands of seeds: limits wide enough that only the truth decides, so that every
// ending can be held against it.
type plain struct{}

type plainState struct{ Requests, Failures [2]int64 }

func (s plainState) Checkpoint() ([]byte, error) { return json.Marshal(s) }

func (plain) Start() judge.State { return plainState{} }

func (plain) Restore(data []byte) (judge.State, error) {
	var s plainState
	err := json.Unmarshal(data, &s)
	return s, err
}

func (plain) Look(state judge.State, l judge.Look) (judge.State, plan.Verdict) {
	s := state.(plainState)
	for i, name := range []plan.TrackName{plan.Stable, plan.Canary} {
		for _, pod := range l.Tracks[name].Pods {
			if l.T > 0 {
				s.Requests[i] += pod.Requests
				s.Failures[i] += pod.Failures
			}
		}
	}
	n, rate := s.Requests[1], float64(s.Failures[1])/float64(max(1, s.Requests[1]))
	v := plan.Verdict{Outcome: plan.Hold, Reason: fmt.Sprintf("%.1f%% of %d canary requests failed", 100*rate, n)}
	switch {
	case l.Gap:
		v.Outcome = plan.Unavailable
	case n < 30:
		v.Outcome = plan.Insufficient
	case s.Failures[1] >= 5 && rate > 0.03:
		v.Outcome = plan.Fail
	case n > 300:
		v.Outcome = plan.Pass
	}
	return s, v
}

func plainJudge(plan.Use) (judge.Judge, error) { return plain{}, nil }

// draft is a small release policy with everything in it that can go wrong.
func draft(rev plan.Revision, moves ...compile.Move) compile.Draft {
	place := plan.Origin{File: "shop.yaml", Line: 1, Column: 1, Object: "Canary shop", Field: "spec"}
	for i := range moves {
		moves[i].Origin = place
	}
	return compile.Draft{
		Name: "shop", Origin: place,
		Target:   compile.Target{Kind: "Process", Name: "shop", Replicas: world.Full, Revision: rev, Template: json.RawMessage(`{}`), Origin: place},
		Router:   plan.Use{Kind: "world"},
		Strategy: compile.Weighted,
		Moves:    moves,
		Analyses: []plan.Analysis{{Name: "judge", Origin: place, Every: 5 * time.Second, Source: plan.Use{Kind: "proxy"}, Judge: plan.Use{Kind: "plain"}}},
		Hooks: []plan.Hook{
			{Name: "end", On: plan.Promoted, Use: plan.Use{Kind: "log"}},
			{Name: "back", On: plan.RolledBack, Use: plan.Use{Kind: "log"}},
			{Name: "you", On: plan.NeedsYou, Use: plan.Use{Kind: "log"}},
		},
		Deadline: 3 * time.Minute,
		Patience: 10 * time.Minute,
	}
}

func weight(share plan.Share, hold time.Duration) compile.Move {
	return compile.Move{Weight: &share, Hold: hold, Hooks: []plan.Hook{{Name: "step", On: plan.Entered, Use: plan.Use{Kind: "log"}}}}
}

func plans(t testing.TB, moves ...compile.Move) (first, second plan.Plan) {
	t.Helper()
	can := compile.Abilities{Router: world.New(0).Router().Features(), Workload: world.New(0).Workload().Features()}
	first, notes := compile.Compile(draft("v1", moves...), "", can)
	if notes.Err() {
		t.Fatal(notes)
	}
	second, notes = compile.Compile(draft("v2", moves...), "v1", can)
	if notes.Err() {
		t.Fatal(notes)
	}
	return first, second
}

func scenario(t testing.TB, name string) Scenario {
	t.Helper()
	s, ok := Named(name)
	if !ok {
		t.Fatalf("no scenario %q", name)
	}
	return s
}

// faulty is one of the stories of the long run: seed, truth and weather vary.
func faulty(seed uint64, first, second plan.Plan, good bool) Story {
	s := Scenario{
		Name: "faulty", Stable: world.Truth{Failure: 0.002}, Canary: world.Truth{Failure: 0.002},
		Weather: rain, Crash: 0.05, Rate: 40, People: People{Approve: true},
	}
	if !good {
		s.Canary.Failure = 0.2
	}
	switch seed % 7 {
	case 0:
		s.Weather.CallFails = 0.2
	case 1:
		s.Weather.RouteLag = 20 * time.Second
	case 2:
		s.Weather.PodLoss = 0.01
	case 3:
		s.Crash = 0.3
	case 4:
		s.Canary.Bears = 20 * time.Second
	case 5:
		s.Weather.ScrapeGap = 0.4
	}
	var checkpoint time.Duration
	if seed%4 < 2 { // as on a cluster, where writes are dear
		checkpoint = 150 * time.Second
	}
	return Story{First: first, Second: second, Scenario: s, Seed: seed, Judge: plainJudge, Checkpoint: checkpoint, Limit: 2 * time.Hour}
}

// verdictOn says what is wrong with an ending, given the truth; "" when nothing is.
func verdictOn(e Ending, good bool) string {
	phase := e.Position.Phase
	switch {
	case len(e.Broken) > 0:
		return "broken promise: " + e.Broken[0]
	case good && phase == plan.Returned && e.Position.Failure.Reason == "AnalysisFailed":
		return "a good release was sent back: " + e.Position.Failure.Text
	case !good && phase == plan.Succeeded:
		return "a bad release was promoted"
	case !phase.Over():
		return fmt.Sprintf("not over in two hours, waits for %+v", e.Position.Waiting)
	}
	return ""
}

// seeds runs stories over many seeds on all cores and returns the first complaints.
func seeds(t testing.TB, n int, story func(seed uint64) (Story, bool)) []string {
	t.Helper()
	var mu sync.Mutex
	var complaints []string
	var all sync.WaitGroup
	next := make(chan uint64)
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for seed := range next {
				s, good := story(seed)
				e, err := Run(s)
				complaint := verdictOn(e, good)
				if err != nil {
					complaint = err.Error()
				}
				if complaint != "" {
					mu.Lock()
					complaints = append(complaints, fmt.Sprintf("seed %d: %s", seed, complaint))
					mu.Unlock()
				}
			}
		})
	}
	for seed := range uint64(n) {
		next <- seed
	}
	close(next)
	all.Wait()
	return complaints
}

// runs is how many releases the long run simulates: SERIN_RELEASES, or 20,000; a few hundred with -short.
func runs(t testing.TB) int {
	if text := os.Getenv("SERIN_RELEASES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("SERIN_RELEASES: %v", err)
		}
		return n
	}
	if testing.Short() {
		return 300
	}
	return 20_000
}

func TestFaultyReleases(t *testing.T) {
	first, second := plans(t, weight(100, 10*time.Second), weight(500, 10*time.Second))
	complaints := seeds(t, runs(t), func(seed uint64) (Story, bool) {
		good := seed%2 == 0
		return faulty(seed, first, second, good), good
	})
	for _, c := range complaints[:min(10, len(complaints))] {
		t.Error(c)
	}
	if len(complaints) > 10 {
		t.Errorf("and %d more", len(complaints)-10)
	}
}

// Engines that are broken on purpose. The run must catch each of them, or its silence about the real one means
// nothing.
var brokenEngines = map[string]func(plan.Plan, plan.Position, engine.Sight) engine.Decision{
	"shifts before replicas are ready": func(p plan.Plan, at plan.Position, seen engine.Sight) engine.Decision {
		d := engine.Decide(p, at, seen)
		d.Do.Traffic = p.Steps[d.Next.Step].Desired.Traffic
		d.Do.Behind = map[plan.TrackName]plan.PoolName{}
		for _, t := range p.Steps[d.Next.Step].Desired.Tracks {
			d.Do.Behind[t.Name] = t.Pool
		}
		return d
	},
	"stops replicas that still work": func(p plan.Plan, at plan.Position, seen engine.Sight) engine.Decision {
		d := engine.Decide(p, at, seen)
		d.Do.Keep = nil
		return d
	},
	"promotes on ignorance": func(p plan.Plan, at plan.Position, seen engine.Sight) engine.Decision {
		for name, v := range seen.Verdicts {
			if v.Outcome == plan.Insufficient || v.Outcome == plan.Hold || v.Outcome == plan.Fail {
				v.Outcome = plan.Pass
				seen.Verdicts[name] = v
			}
		}
		return engine.Decide(p, at, seen)
	},
	"starts its clocks again": func(p plan.Plan, at plan.Position, seen engine.Sight) engine.Decision {
		d := engine.Decide(p, at, seen)
		if !d.Next.Arrived.IsZero() && !d.Next.Phase.Over() {
			d.Next.Arrived = seen.Now
		}
		return d
	},
}

func TestRunCatchesBrokenEngines(t *testing.T) {
	first, second := plans(t, weight(100, 10*time.Second), weight(500, 10*time.Second))
	complaints := func(decide func(plan.Plan, plan.Position, engine.Sight) engine.Decision) []string {
		return seeds(t, 40, func(seed uint64) (Story, bool) {
			s := faulty(seed, first, second, seed%2 == 0)
			s.Decide, s.Limit = decide, 20*time.Minute
			return s, seed%2 == 0
		})
	}
	if found := complaints(engine.Decide); len(found) > 0 { // else being caught would mean nothing
		t.Fatalf("the engine itself is caught by the same run: %s", found[0])
	}
	for name, decide := range brokenEngines {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			found := complaints(decide)
			if len(found) == 0 {
				t.Fatalf("an engine that %s was not caught in 40 releases", name)
			}
			t.Logf("caught in %d of 40 releases, for instance %s", len(found), found[0])
		})
	}
}

// The process is killed after each of its writes in turn, and the story must end the same: same outcome, same step, every
// hook told as often as without the kill, except the one that was under way.
func TestKilledAtEveryWrite(t *testing.T) {
	first, second := plans(t, weight(100, 10*time.Second), weight(500, 10*time.Second))
	for _, name := range []string{"good", "errors"} {
		story := func(at int) Ending {
			s := scenario(t, name)
			s.CrashAt = at
			e, err := Run(Story{First: first, Second: second, Scenario: s, Seed: 5, Judge: plainJudge})
			if err != nil {
				t.Fatal(err)
			}
			return e
		}
		whole := story(0)
		if whole.Writes < 10 {
			t.Fatalf("%s: only %d writes: the test would prove little", name, whole.Writes)
		}
		for at := 1; at <= whole.Writes; at++ {
			e := story(at)
			if e.Position.Phase != whole.Position.Phase || e.Position.Step != whole.Position.Step || len(e.Broken) > 0 {
				t.Errorf("%s, killed after write %d: %s at step %d, want %s at step %d; broken: %v", name, at, e.Position.Phase, e.Position.Step, whole.Position.Phase, whole.Position.Step, e.Broken)
			}
			missing := 0
			for key := range whole.Told {
				if e.Told[key] == 0 {
					missing++
				}
			}
			if missing > 1 {
				t.Errorf("%s, killed after write %d: %d hooks were never told, want at most the one under way", name, at, missing)
			}
			if lost := whole.Looked - e.Looked; name == "good" && (lost > 200 || lost < -200) {
				t.Errorf("%s, killed after write %d: judges saw %d requests, without the kill %d", name, at, e.Looked, whole.Looked)
			}
		}
		t.Logf("%s: killed after each of %d writes", name, whole.Writes)
	}
}

func TestClockThatJumps(t *testing.T) {
	first, second := plans(t, weight(100, 10*time.Second), weight(500, 10*time.Second))
	late := 0
	for seed := range uint64(50) {
		e, err := Run(Story{First: first, Second: second, Scenario: scenario(t, "clock"), Seed: seed, Judge: plainJudge})
		if err != nil {
			t.Fatal(err)
		}
		impatient := len(e.Broken) > 0 && !slices.ContainsFunc(e.Broken, func(b string) bool { return !strings.Contains(b, "with requests under way") })
		if impatient || e.Position.Phase == plan.Returned && e.Position.Failure.Reason == "NotReady" {
			late++ // a clock set forward past a deadline, also that of a drain, is not to be told from a wait that long
			continue
		}
		if e.Position.Phase != plan.Succeeded || e.Took > 10*time.Minute || len(e.Broken) > 0 {
			t.Errorf("seed %d: %s after %s: %v", seed, e.Position.Phase, e.Took, e.Broken)
		}
	}
	if late > 25 {
		t.Errorf("%d of 50 releases were late: the test says little about the others", late)
	}
}

func TestNoTrafficIsNeverAVerdict(t *testing.T) {
	first, second := plans(t, weight(100, 10*time.Second), weight(500, 10*time.Second))
	e, err := Run(Story{First: first, Second: second, Scenario: scenario(t, "no-traffic"), Seed: 1, Judge: plainJudge, Limit: 5 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	w := e.Position.Waiting
	if e.Position.Phase != plan.Progressing || w == nil || w.For != "data" || !e.Position.Asked {
		t.Errorf("without traffic: phase %s, waiting %+v, asked %t; want it to hold, wait for data and have asked a person", e.Position.Phase, w, e.Position.Asked)
	}
}

func TestSameSeedSameStory(t *testing.T) {
	first, second := plans(t, weight(100, 10*time.Second), weight(500, 10*time.Second))
	tell := func() string {
		var b strings.Builder
		s := Story{First: first, Second: second, Scenario: scenario(t, "rain"), Seed: 7, Judge: plainJudge, Out: &b}
		if _, err := Run(s); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	if a, b := tell(), tell(); a != b || a == "" {
		t.Errorf("the same seed told two stories:\n%s\n---\n%s", a, b)
	}
}

// before lists seeds of the long run that found something, and what. They are told again each time, with their transcript
// under -v; SERIN_SEED tells any other.
var before = map[uint64]string{
	70:    "a step that had been reached and was lost again waited without a deadline",
	14413: "an instance that got ready just when its pool had to shrink was stopped after the route had been told of it",
	722:   "a route that lags was ordered anew each round and never followed",
}

func TestSeedsThatFailedBefore(t *testing.T) {
	told := maps.Clone(before)
	if text := os.Getenv("SERIN_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("SERIN_SEED: %v", err)
		}
		told = map[uint64]string{seed: "asked for"}
	}
	first, second := plans(t, weight(100, 10*time.Second), weight(500, 10*time.Second))
	for seed, reason := range told {
		s := faulty(seed, first, second, seed%2 == 0)
		var transcript strings.Builder
		s.Out = &transcript
		e, err := Run(s)
		t.Logf("seed %d: %s\n%s", seed, reason, transcript.String())
		if complaint := verdictOn(e, seed%2 == 0); err != nil || complaint != "" {
			t.Errorf("seed %d: %s %v", seed, complaint, err)
		}
	}
}

// Where writes are dear a step costs one write of the record, and whatever the judge has to say costs none of its own.
func TestStepsAreCheapWhereWritesAreDear(t *testing.T) {
	first, second := plans(t, weight(100, time.Minute), weight(250, time.Minute), weight(500, time.Minute))
	for i := range second.Steps { // hooks are told, and that is written
		second.Steps[i].Hooks = nil
	}
	second.Hooks = nil
	for checkpoint, most := range map[time.Duration]int{0: 10000, 150 * time.Second: len(second.Steps) + 3} { // begun, passed, over
		e, err := Run(Story{First: first, Second: second, Scenario: scenario(t, "good"), Seed: 3, Judge: plainJudge, Checkpoint: checkpoint})
		if err != nil {
			t.Fatal(err)
		}
		if e.Position.Phase != plan.Succeeded || len(e.Broken) > 0 {
			t.Fatalf("checkpoint every %s: %s, broken %v", checkpoint, e.Position.Phase, e.Broken)
		}
		t.Logf("checkpoint every %s: %d writes for %d steps in %s", checkpoint, e.Writes, len(second.Steps), e.Took)
		if e.Writes > most {
			t.Errorf("checkpoint every %s: %d writes for %d steps, want at most %d", checkpoint, e.Writes, len(second.Steps), most)
		}
	}
}
