package execution

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	judge "serin.dev/serin/internal/judge/kayenta"
	"serin.dev/serin/internal/kayenta/storage"
)

func TestCanary(t *testing.T) {
	b := newBench(t, nil)
	id := b.begin(canaryOrder(t))
	if s, err := b.Canary(t.Context(), id); err != nil || s.Complete || s.Status != "not_started" {
		t.Errorf("just ordered: %+v, %v", s, err)
	}
	b.over(id)
	s, err := b.Canary(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if !s.Complete || s.Status != "succeeded" || s.Result.Judge.Score.Score != 100 || s.Result.Judge.Score.Classification != "Pass" {
		t.Errorf("got %+v", s)
	}
	if s.Result.Duration != "PT1H" || s.Start != "2026-03-01T12:00:00Z" || s.End == "" {
		t.Errorf("times: %+v, %s", s.Times, s.Result.Duration)
	}
	want := map[string]string{}
	for _, ref := range []string{
		"setupContext", "fetchControl0", "fetchControl1", "fetchExperiment0", "fetchExperiment1", "mixMetrics", "judge",
	} {
		want[ref] = "succeeded"
	}
	if !reflect.DeepEqual(s.Stages, want) {
		t.Errorf("stages: %v", s.Stages)
	}
	if !b.objects(storage.MetricSetPairs)[s.PairList] || len(b.objects(storage.MetricSets)) != 4 || !b.objects(storage.Results)[id] {
		t.Errorf("left: pairs %v, sets %v, archive %v", b.objects(storage.MetricSetPairs), b.objects(storage.MetricSets), b.objects(storage.Results))
	}
	if len(b.asked) != 4 || b.asked[0].Location != "eu" {
		t.Errorf("asked: %+v", b.asked)
	}
}

// Three judgements of an hour each after a warm-up: who waits how long, what is looked at, and when.
func TestAnalysisInRealTime(t *testing.T) {
	b := newBench(t, nil)
	id := b.begin(analysisOrder(t, `,"controlOffsetInMinutes":10`))
	var moments []string
	for {
		next := b.Settle(t.Context())
		s := b.analysis(id)
		if s.Complete {
			break
		}
		if s.Status != "running" || next.IsZero() {
			t.Fatalf("at %s: %+v", iso(b.clock()), s)
		}
		moments = append(moments, iso(next))
		b.turn(next)
	}
	if want := []string{"2026-03-01T12:05:00Z", "2026-03-01T13:05:00Z", "2026-03-01T14:05:00Z", "2026-03-01T15:05:00Z"}; !slices.Equal(moments, want) {
		t.Errorf("something was due at %v", moments)
	}
	s := b.analysis(id)
	if s.Status != "succeeded" || s.ExecutionStatus != Succeeded || !s.Result.Passed || !slices.Equal(s.Result.Scores, []float64{100, 100, 100}) ||
		s.Result.Message != "Final canary score 100.0 met or exceeded the pass score threshold." {
		t.Errorf("got %+v", s.Result)
	}
	var stages []string
	for _, stage := range s.Stages {
		stages = append(stages, stage.Type+" "+stage.Name)
	}
	if len(stages) != 9 || stages[1] != "wait Warmup Wait" || stages[2] != "wait Interval Wait #1" || stages[7] != "runCanary Run Canary #3" {
		t.Errorf("stages: %v", stages)
	}
	for i, run := range s.Result.Runs {
		end := fmt.Sprintf("2026-03-01T%d:05:00Z", 13+i)
		if run.From != "2026-03-01T12:05:00Z" || run.To != end || run.Status != Succeeded || run.Result == nil ||
			run.ExecutionID != s.Stages[3+2*i].ExecutionID {
			t.Errorf("run %d: %+v", i+1, run)
		}
	}
	control := b.asked[slices.IndexFunc(b.asked, func(s Scope) bool { return s.Scope == "baseline" })]
	if iso(control.Start.Time) != "2026-03-01T11:55:00Z" || iso(control.End.Time) != "2026-03-01T12:55:00Z" {
		t.Errorf("the first control window is %v to %v", control.Start, control.End)
	}
	if !b.objects(storage.AnalysisResults)[id] || len(b.objects(storage.Results)) != 3 {
		t.Error("what is over is not archived")
	}
}

func TestAnalysisOfThePast(t *testing.T) {
	b := newBench(t, nil)
	id := b.begin(analysisOrder(t, `,"startTimeIso":"2026-02-01T00:00:00Z","endTimeIso":"2026-02-01T02:30:00Z"`))
	if next := b.Settle(t.Context()); !iso2(next, "2026-03-01T12:05:00Z") {
		t.Fatalf("the warm-up ends at %v", next)
	}
	b.turn(noon.Add(5 * time.Minute))
	b.Settle(t.Context())
	s := b.analysis(id)
	if s.Status != "succeeded" || len(s.Result.Runs) != 2 || s.Result.Runs[1].To != "2026-02-01T02:00:00Z" || s.Result.Runs[1].Warnings == nil {
		t.Errorf("got %+v", s.Result)
	}
}

func iso2(at time.Time, text string) bool { return iso(at) == text }

// A score that is not above the marginal threshold ends the analysis; what is left is not run.
func TestAnalysisStops(t *testing.T) {
	b := newBench(t, nil)
	b.canary = 300
	id := b.begin(analysisOrder(t, ""))
	b.over(id)
	s := b.analysis(id)
	if s.Status != "terminal" || s.Result.Passed || !slices.Equal(s.Result.Scores, []float64{0}) || s.Exception != nil ||
		s.Result.Message != "Final canary score 0.0 is not above the marginal score threshold." {
		t.Errorf("got %+v, %+v", s.Result, s.Exception)
	}
	if s.Stages[0].Status != Terminal || s.Stages[len(s.Stages)-1].Status != Succeeded {
		t.Errorf("the whole is %s, the result %s", s.Stages[0].Status, s.Stages[len(s.Stages)-1].Status)
	}
	if run2 := s.Stages[len(s.Stages)-2]; run2.Status != NotStarted || b.clock().After(noon.Add(66*time.Minute)) {
		t.Errorf("at %v: %+v", b.clock(), s.Stages)
	}
}

// A judgement that cannot be made fails the analysis, says why, and never passes.
func TestAnalysisWithoutResult(t *testing.T) {
	b := newBench(t, nil)
	b.broken = func(_ judge.Metric, s Scope) error {
		if s.End.After(noon.Add(2 * time.Hour)) {
			return errors.New("parse error at char 7")
		}
		return nil
	}
	id := b.begin(analysisOrder(t, ""))
	b.over(id)
	s := b.analysis(id)
	if s.Status != "terminal" || s.Result.Passed || !slices.Equal(s.Result.Scores, []float64{100, 0}) || len(s.Result.Runs) != 2 {
		t.Errorf("got %+v", s.Result)
	}
	if s.Exception == nil || !strings.Contains(s.Exception.Details.Errors[0], "parse error at char 7") || s.Result.Runs[1].Exception == nil {
		t.Errorf("exception: %+v", s.Exception)
	}
}

// What may help is tried again, each time after twice as long; what does not help ends.
func TestRetries(t *testing.T) {
	for name, c := range map[string]struct {
		failures int
		want     Status
		took     time.Duration
	}{
		"a hiccup":       {3, Succeeded, 7 * time.Second},
		"a long trouble": {1000, Terminal, 511 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			left := c.failures
			b.broken = func(m judge.Metric, s Scope) error {
				if m.Name != "errors" || s.Scope != "canary" || left == 0 {
					return nil
				}
				left--
				return Later{errors.New("connection refused")}
			}
			id := b.begin(canaryOrder(t))
			p := b.over(id)
			if p.Status != c.want || p.Ended.Sub(noon) != c.took {
				t.Errorf("%s after %v", p.Status, p.Ended.Sub(noon))
			}
			others := 0
			for _, s := range b.asked {
				if s.Scope == "baseline" {
					others++
				}
			}
			if others != 2 {
				t.Errorf("the control was asked for %d times", others)
			}
			if c.want == Terminal && !strings.Contains(p.Exception.Details.Errors[0], `fetch metric "errors": connection refused`) {
				t.Errorf("exception: %+v", p.Exception)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	b := newBench(t, nil)
	stuck := true
	b.broken = func(judge.Metric, Scope) error {
		if stuck {
			return Later{errors.New("not now")}
		}
		return nil
	}
	id := b.begin(analysisOrder(t, ""))
	for b.clock().Before(noon.Add(65 * time.Minute)) {
		b.turn(b.Settle(t.Context()))
	}
	b.Settle(t.Context())
	s := b.analysis(id)
	child := s.Stages[3].ExecutionID
	if child == "" || s.Stages[3].Status != Running {
		t.Fatalf("no canary is under way: %+v", s.Stages)
	}
	if err := b.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	stuck = false
	for _, one := range []string{id, child} {
		if p := b.over(one); p.Status != Canceled {
			t.Errorf("%s is %s", one, p.Status)
		}
	}
	if s := b.analysis(id); s.Result != nil || s.Status != "canceled" || !s.Complete {
		t.Errorf("got %+v", s)
	}
	if err := b.Cancel(t.Context(), id); err != nil {
		t.Errorf("again: %v", err)
	}
	if err := b.Cancel(t.Context(), "none"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("nothing: %v", err)
	}
	b.restart()
	if p := b.over(id); p.Status != Canceled {
		t.Errorf("after a restart it is %s", p.Status)
	}
}

// A fetch that does not come back is ended by a cancellation, and by the end of the process; the latter is no failure.
func TestHangingFetch(t *testing.T) {
	for name, end := range map[string]func(b *bench, id string, stop context.CancelFunc){
		"cancelled": func(b *bench, id string, _ context.CancelFunc) {
			if err := b.Cancel(context.Background(), id); err != nil {
				b.t.Error(err)
			}
		},
		"process ends": func(_ *bench, _ string, stop context.CancelFunc) { stop() },
	} {
		t.Run(name, func(t *testing.T) {
			begun := make(chan struct{}, 10)
			b := newBench(t, func(m *Means) {
				m.Fetch = func(ctx context.Context, _ string, _ judge.Config, _ judge.Metric, _ Scope) ([]judge.MetricSet, error) {
					begun <- struct{}{}
					<-ctx.Done()
					return nil, Later{ctx.Err()}
				}
			})
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			id := b.begin(canaryOrder(t))
			over := make(chan error)
			go func() { over <- b.Run(ctx) }()
			<-begun
			end(b, id, stop)
			if name == "cancelled" {
				until(t, func() bool { p, _ := b.progress(id); return p.Archived })
			}
			stop()
			if err := <-over; err != nil {
				t.Error(err)
			}
			want := Running
			if name == "cancelled" {
				want = Canceled
			}
			p, _ := b.progress(id)
			if p.Status != want || p.Exception != nil {
				t.Fatalf("got %+v", p)
			}
			if b.means.Fetch = b.fetch; want == Running {
				b.restart()
				if p := b.over(id); p.Status != Succeeded || p.Stages[1].Attempts != 0 {
					t.Errorf("the next process ends it as %+v", p)
				}
			}
		})
	}
}

// until waits for something to come true.
func until(t *testing.T, come func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for !come() {
		select {
		case <-look.C:
		case <-ctx.Done():
			t.Fatal("it did not come true")
		}
	}
}

func TestDeadline(t *testing.T) {
	b := newBench(t, nil)
	b.broken = func(judge.Metric, Scope) error { return Later{errors.New("not now")} }
	id := b.begin(canaryOrder(t))
	b.Settle(t.Context())
	b.turn(noon.Add(canaryPatience))
	b.Settle(t.Context())
	if p, _ := b.progress(id); p.Status != Terminal || !strings.Contains(p.text(), "not over by its deadline, 2026-03-01T14:00:00Z") {
		t.Errorf("got %+v", p)
	}
}

// The process dies at each write in turn, before or after it; the next one ends the same execution with the same result, asks
// for nothing that was recorded, and leaves nothing twice.
func TestKilledAtAnyWrite(t *testing.T) {
	undisturbed := newBench(t, nil)
	id := undisturbed.begin(twice(t))
	undisturbed.over(id)
	want := undisturbed.analysis(id)
	for _, after := range []bool{false, true} {
		died := 0
		for n := 2; ; n++ { // the first write is the order itself
			f := &frail{dies: n, after: after}
			b := newBench(t, func(m *Means) {
				f.Store = m.Journal
				m.Journal, m.Objects = f, func(string) (storage.Store, error) { return f, nil }
			})
			id := b.begin(twice(t))
			for !f.dead() {
				next := b.Settle(dying(t, f))
				if next.IsZero() || f.dead() {
					break
				}
				b.turn(next)
			}
			if !f.dead() {
				break
			}
			died++
			f.revive()
			before := len(b.asked)
			b.restart()
			p := b.over(id)
			same(t, f, b.analysis(id), want)
			if p.Status != Succeeded || len(b.objects(storage.Results)) != 2 || len(b.objects(storage.MetricSets)) != 8 ||
				len(b.objects(storage.MetricSetPairs)) != 2 || len(b.objects(recordedOrders)) != 3 {
				t.Errorf("%s: %s, left %d results, %d sets, %d pairs, %d orders", f, p.Status, len(b.objects(storage.Results)),
					len(b.objects(storage.MetricSets)), len(b.objects(storage.MetricSetPairs)), len(b.objects(recordedOrders)))
			}
			if repeated := len(b.asked) - 8; repeated > fetchesAtOnce {
				t.Errorf("%s: %d questions were asked again (%d before it died)", f, repeated, before)
			}
		}
		if died < 30 {
			t.Errorf("it died only %d times", died)
		}
		t.Logf("died %d times", died)
	}
}

// twice is an analysis of two judgements.
func twice(t *testing.T) Order {
	o := analysisOrder(t, "")
	lifetime := Whole(120)
	o.AnalysisRequest.LifetimeMins = &lifetime
	return o
}

// dying is a context that ends when the store does: a dead process does nothing more.
func dying(t *testing.T, f *frail) context.Context {
	return mortal{t.Context(), f}
}

type mortal struct {
	context.Context
	f *frail
}

func (m mortal) Err() error {
	if m.f.dead() {
		return errPower
	}
	return m.Context.Err()
}

func (f *frail) dead() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dies > 0 && f.writes >= f.dies
}

func (f *frail) revive() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dies = 0
}

func same(t *testing.T, f *frail, got, want AnalysisStatus) {
	t.Helper()
	if got.Status != want.Status || !slices.Equal(got.Result.Scores, want.Result.Scores) || got.Result.Message != want.Result.Message ||
		got.Build != want.Build || got.Start != want.Start {
		t.Errorf("%s: got %+v", f, got)
	}
	for i, run := range got.Result.Runs {
		if w := want.Result.Runs[i]; run.From != w.From || run.To != w.To || run.Status != w.Status {
			t.Errorf("%s: run %d: got %+v, want %+v", f, i+1, run, w)
		}
	}
}

// What is over is forgotten when there is too much of it, and in a bounded account its objects go as well.
func TestHistory(t *testing.T) {
	b := newBench(t, func(m *Means) { m.History = 3 })
	var ids []string
	for range 6 {
		ids = append(ids, b.begin(canaryOrder(t)))
		b.Settle(t.Context())
		b.turn(b.clock().Add(time.Minute))
	}
	all, err := b.Canaries(t.Context(), "shop", nil, 1, 20)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(ids)
	if len(all) != 3 || all[0].PipelineID != ids[0] || all[2].PipelineID != ids[2] {
		t.Errorf("listed %d", len(all))
	}
	if _, err := b.Canary(t.Context(), ids[5]); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("the oldest: %v", err)
	}
	for kind, n := range map[storage.Kind]int{
		storage.Results: 3, storage.MetricSets: 12, storage.MetricSetPairs: 3, recordedOrders: 3, recordedProgress: 3, recordedResults: 3,
	} {
		if left := len(b.objects(kind)); left != n {
			t.Errorf("%s: %d are left, want %d", kind, left, n)
		}
	}
	if page, err := b.Canaries(t.Context(), "shop", []string{"SUCCEEDED"}, 2, 2); err != nil || len(page) != 1 || page[0].PipelineID != ids[2] {
		t.Errorf("second page: %d, %v", len(page), err)
	}
	if none, err := b.Canaries(t.Context(), "shop", []string{"running"}, 1, 2); err != nil || len(none) != 0 {
		t.Errorf("running: %d, %v", len(none), err)
	}
	b.restart()
	if all, err := b.Canaries(t.Context(), "shop", nil, 1, 20); err != nil || len(all) != 3 {
		t.Errorf("after a restart %d, %v", len(all), err)
	}
}

func TestTooManyAtOnce(t *testing.T) {
	b := newBench(t, func(m *Means) { m.Pending = 2 })
	b.begin(canaryOrder(t))
	b.begin(canaryOrder(t))
	if _, err := b.Begin(t.Context(), canaryOrder(t)); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v", err)
	}
}

// Many at once, and readers meanwhile: no more are worked on than there are workers, and all end.
func TestManyAtOnce(t *testing.T) {
	const workers, canaries = 3, 40
	var mu sync.Mutex
	var full sync.Once
	together := make(chan struct{})
	now, most := 0, 0
	b := newBench(t, nil)
	b.means.Workers = workers
	b.means.Fetch = func(ctx context.Context, account string, c judge.Config, m judge.Metric, s Scope) ([]judge.MetricSet, error) {
		mu.Lock()
		now++
		if most = max(most, now); most == workers {
			full.Do(func() { close(together) })
		}
		mu.Unlock()
		select {
		case <-together: // all workers are at it
		case <-ctx.Done():
		}
		defer func() { mu.Lock(); now--; mu.Unlock() }()
		return b.fetch(ctx, account, c, m, s)
	}
	b.restart()
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		if err := b.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	var ids []string
	for range canaries {
		ids = append(ids, b.begin(canaryOrder(t)))
	}
	for _, id := range ids {
		until(t, func() bool {
			s, err := b.Canary(ctx, id)
			return err == nil && s.Status == "succeeded" && s.Result.Judge.Score.Score == 100
		})
	}
	stop()
	all.Wait()
	if most > workers*fetchesAtOnce {
		t.Errorf("%d fetches were under way at once", most)
	}
}

// A store that cannot take the archive does not keep the execution from being over; it is asked again.
func TestArchiveLater(t *testing.T) {
	var b *bench
	down := true
	b = newBench(t, func(m *Means) {
		m.Objects = func(string) (storage.Store, error) { return refusing{b.store, &down}, nil }
	})
	id := b.begin(canaryOrder(t))
	next := b.Settle(t.Context())
	p, _ := b.progress(id)
	if p.Status != Succeeded || p.Archived || !next.Equal(noon.Add(time.Second)) {
		t.Fatalf("got %+v, next %v", p, next)
	}
	b.turn(next)
	b.restart()
	b.Settle(t.Context())
	down = false
	b.over(id)
	if !b.objects(storage.Results)[id] {
		t.Error("it was never archived")
	}
}

type refusing struct {
	storage.Store
	down *bool
}

func (r refusing) Put(ctx context.Context, k storage.Kind, id, file string, data []byte) error {
	if *r.down && k == storage.Results {
		return errors.New("slow down")
	}
	return r.Store.Put(ctx, k, id, file, data)
}

func TestOrdersThatMakeNoSense(t *testing.T) {
	scope := `{"scope":"a","start":"2026-03-01T11:00:00Z","end":"2026-03-01T12:00:00Z"}`
	thresholds := `,"thresholds":{"pass":95,"marginal":75}`
	for want, request := range map[string]string{
		`the metric "errors" needs the scope "default"`:    `{"scopes":{}` + thresholds + `}`,
		"scopes.default.controlScope: is missing":          `{"scopes":{"default":{"experimentScope":` + scope + `}}` + thresholds + `}`,
		"thresholds: pass and marginal must be specified":  `{"scopes":{"default":{"experimentScope":` + scope + `,"controlScope":` + scope + `}}}`,
		"scopes.default.experimentScope.start: is missing": `{"scopes":{"default":{"experimentScope":{"scope":"a"},"controlScope":` + scope + `}}` + thresholds + `}`,
		"scopes.default.experimentScope.end: is before": `{"scopes":{"default":{"experimentScope":{"start":1772366400,
			"end":"2026-01-01T00:00:00Z"},"controlScope":` + scope + `}}` + thresholds + `}`,
		"scopes.default.experimentScope.step: must be": `{"scopes":{"default":{"experimentScope":{"start":1,"end":2,"step":-1},"controlScope":` + scope + `}}` + thresholds + `}`,
	} {
		refused(t, order(t, Canary, request), want)
	}
	for want, request := range map[string]string{
		"scopes: want at least one":               `{"scopes":[],"lifetimeDurationMins":1` + thresholds + `}`,
		"either an end time or a lifetime":        `{"scopes":[{}]` + thresholds + `}`,
		"an interval under one minute":            `{"scopes":[{"startTimeIso":"2026-03-01T11:00:00Z","endTimeIso":"2026-03-01T11:00:30Z"}]` + thresholds + `}`,
		"two scopes":                              `{"scopes":[{},{"scopeName":"default"}],"lifetimeDurationMins":1` + thresholds + `}`,
		"is no number of minutes":                 `{"scopes":[{}],"lifetimeDurationMins":-1` + thresholds + `}`,
		"makes 5000 judgements, the most is 1000": `{"scopes":[{}],"lifetimeDurationMins":5000,"analysisIntervalMins":1` + thresholds + `}`,
		"is no offset into the past":              `{"scopes":[{"controlOffsetInMinutes":-5}],"lifetimeDurationMins":5` + thresholds + `}`,
	} {
		refused(t, order(t, Analysis, request), want)
	}
}

func TestTooMuchToRecord(t *testing.T) {
	o := analysisOrder(t, "")
	lifetime, interval := Whole(1000), Whole(1)
	o.AnalysisRequest.LifetimeMins, o.AnalysisRequest.IntervalMins = &lifetime, &interval
	o.Config.Description = strings.Repeat("x", 300_000)
	refused(t, o, "too much to record")
}

func refused(t *testing.T, o Order, want string) {
	t.Helper()
	b := newBench(t, nil)
	_, err := b.Begin(t.Context(), o)
	var wrong Refusal
	if !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) {
		t.Errorf("want %q, got %v", want, err)
	}
	if n := len(b.objects(recordedOrders)); n > 0 {
		t.Errorf("%s: %d orders are recorded", want, n)
	}
}

// Thresholds of the config stand in for those of the request.
func TestThresholdsOfTheConfig(t *testing.T) {
	b := newBench(t, nil)
	o := canaryOrder(t)
	o.Request.Thresholds = nil
	o.Config.Classifier.ScoreThresholds = &judge.Thresholds{Pass: 95, Marginal: 75}
	if p := b.over(b.begin(o)); p.Status != Succeeded {
		t.Errorf("got %+v", p.Exception)
	}
}

func TestPeriod(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"PT0S": 0, "PT1H30M": 90 * time.Minute, "PT50H": 50 * time.Hour, "PT1.5S": 1500 * time.Millisecond, "PT10M1S": 601 * time.Second,
	} {
		if got := period(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
