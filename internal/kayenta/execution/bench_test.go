package execution

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"sync"
	"testing"
	"time"

	judge "serin.dev/serin/internal/judge/kayenta"
	"serin.dev/serin/internal/kayenta/storage"
	"serin.dev/serin/internal/kayenta/storage/memory"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// A bench is a runner with a clock that the test turns and a metric store that the test fills.
type bench struct {
	t     *testing.T
	store *memory.Store
	means Means
	*Runner

	mu     sync.Mutex
	now    time.Time
	canary float64 // of the experiment; the control is 100
	asked  []Scope
	broken func(m judge.Metric, s Scope) error
}

func newBench(t *testing.T, change func(*Means)) *bench {
	t.Helper()
	b := &bench{t: t, now: noon, canary: 100}
	b.store = memory.New(b.clock)
	b.means = Means{
		Journal: b.store, Objects: func(string) (storage.Store, error) { return b.store, nil }, Bounded: func(string) bool { return true },
		Fetch: b.fetch, Now: b.clock, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	if change != nil {
		change(&b.means)
	}
	b.restart()
	return b
}

// restart is another process on the same record.
func (b *bench) restart() {
	b.t.Helper()
	var err error
	if b.Runner, err = New(context.Background(), b.means); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) turn(to time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = to
}

// fetch gives a value per step, with a little noise that is always the same.
func (b *bench) fetch(_ context.Context, _ string, _ judge.Config, m judge.Metric, s Scope) ([]judge.MetricSet, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, s)
	if b.broken != nil {
		if err := b.broken(m, s); err != nil {
			return nil, err
		}
	}
	level := 100.0
	if s.Scope == "canary" {
		level = b.canary
	}
	set := judge.MetricSet{
		Name: m.Name, StartTimeMillis: s.Start.UnixMilli(), EndTimeMillis: s.End.UnixMilli(), StepMillis: int64(s.Step) * 1000,
	}
	for i := range int(s.End.Sub(s.Start.Time)/s.StepDuration()) + 1 {
		set.Values = append(set.Values, judge.Number(level+math.Sin(float64(i)*1.7+level)))
	}
	return []judge.MetricSet{set}, nil
}

// over runs to the end of an execution, turning the clock to whenever something is due.
func (b *bench) over(id string) Progress {
	b.t.Helper()
	for range 10_000 {
		next := b.Settle(context.Background())
		p, ok := b.progress(id)
		if !ok {
			b.t.Fatalf("there is no execution %s", id)
		}
		if p.Status.Over() && p.Archived {
			return p
		}
		if next.IsZero() {
			b.t.Fatalf("nothing is due and %s is %+v", id, p)
		}
		b.turn(next)
	}
	b.t.Fatalf("%s does not end", id)
	return Progress{}
}

func config(t *testing.T) judge.Config {
	t.Helper()
	c, err := judge.ReadConfig([]byte(`{"name":"shop","applications":["shop"],"judge":{"name":"NetflixACAJudge-v1.0"},
		"metrics":[{"name":"errors","query":{"type":"prometheus","metricName":"errors"},"groups":["Errors"],"scopeName":"default"},
		           {"name":"latency","query":{"type":"prometheus","metricName":"latency"},"groups":["Latency"],"scopeName":"default"}],
		"classifier":{"groupWeights":{"Errors":60,"Latency":40}}}`))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func order(t *testing.T, kind Kind, request string) Order {
	t.Helper()
	o := Order{Kind: kind, Application: "shop", User: "me", Config: config(t), MetricsAccount: "prom", StorageAccount: "store"}
	var into any
	if kind == Canary {
		o.Request = &Request{}
		into = o.Request
	} else {
		o.AnalysisRequest = &AnalysisRequest{}
		into = o.AnalysisRequest
	}
	if err := json.Unmarshal([]byte(request), into); err != nil {
		t.Fatal(err)
	}
	return o
}

func canaryOrder(t *testing.T) Order {
	return order(t, Canary, `{"scopes":{"default":{
		"controlScope":{"scope":"baseline","region":"eu","start":"2026-03-01T11:00:00Z","end":"2026-03-01T12:00:00Z","step":60},
		"experimentScope":{"scope":"canary","location":"eu","start":"2026-03-01T11:00:00Z","end":"2026-03-01T12:00:00Z","step":"60"}}},
		"thresholds":{"pass":95,"marginal":75}}`)
}

func analysisOrder(t *testing.T, more string) Order {
	return order(t, Analysis, `{"scopes":[{"scopeName":"default","controlScope":"baseline","experimentScope":"canary","step":60`+more+`}],
		"thresholds":{"pass":95,"marginal":75},"lifetimeDurationMins":"180","beginAfterMins":5,"analysisIntervalMins":60,"lookbackMins":0}`)
}

func (b *bench) begin(o Order) string {
	b.t.Helper()
	id, err := b.Begin(context.Background(), o)
	if err != nil {
		b.t.Fatal(err)
	}
	return id
}

func (b *bench) analysis(id string) AnalysisStatus {
	b.t.Helper()
	s, err := b.Analysis(context.Background(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func (b *bench) objects(k storage.Kind) map[string]bool {
	b.t.Helper()
	all, err := b.store.List(context.Background(), k)
	if err != nil {
		b.t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, o := range all {
		ids[o.ID] = true
	}
	return ids
}

var errPower = errors.New("the power went")

// A frail store is one whose process dies at the n-th write: before it, or after it.
type frail struct {
	storage.Store
	mu     sync.Mutex
	writes int
	dies   int
	after  bool
}

func (f *frail) write(do func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writes++
	switch {
	case f.dies == 0 || f.writes < f.dies:
		return do()
	case f.writes == f.dies && f.after:
		return errors.Join(do(), errPower)
	}
	return errPower
}

func (f *frail) Put(ctx context.Context, k storage.Kind, id, file string, data []byte) error {
	return f.write(func() error { return f.Store.Put(ctx, k, id, file, data) })
}

func (f *frail) Create(ctx context.Context, k storage.Kind, id, file string, data []byte) error {
	return f.write(func() error { return f.Store.Create(ctx, k, id, file, data) })
}

func (f *frail) String() string {
	return fmt.Sprintf("dies at write %d (after it: %t)", f.dies, f.after)
}
