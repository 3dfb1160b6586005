package replay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/replay"
	"serin.dev/serin/internal/simulation"
)

// A server is a metric store of the user's own: it answers queries with numbers around a level, or with series, and now and then
// with nothing. Of counters it knows nothing.
type server struct {
	mu     sync.Mutex
	dice   *rand.Rand
	level  float64 // of a query
	canary float64 // of the experiment, where series are asked for
	silent float64 // how often it has no answer
	asked  int
}

func (s *server) Read(context.Context, metric.Question) (metric.Snapshot, error) {
	return metric.Snapshot{}, errors.New("nothing is counted here")
}

func (s *server) Query(_ context.Context, q metric.QueryQuestion) (judge.Reading, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.dice.Float64() < s.silent {
		return judge.Reading{}, fmt.Errorf("out for lunch, %s", strings.Repeat("and for long ", 50)) // longer than what is kept of it
	}
	var with struct {
		Pair *struct{ Step plan.Duration }
	}
	if err := json.Unmarshal(q.With, &with); err != nil {
		return judge.Reading{}, err
	}
	if with.Pair == nil {
		return spoken([]float64{s.level + 0.01*s.dice.NormFloat64()})
	}
	type series struct {
		Tags   map[string]string `json:"tags"`
		Values []any             `json:"values"`
	}
	side := func(level float64) []series {
		one := series{Tags: map[string]string{"pod": "<a>"}}
		for at := q.From; !at.After(q.To); at = at.Add(time.Duration(with.Pair.Step)) {
			if s.dice.Float64() < 0.05 {
				one.Values = append(one.Values, "NaN")
			} else {
				one.Values = append(one.Values, level+s.dice.NormFloat64())
			}
		}
		return []series{one}
	}
	return spoken(map[string]any{
		"startTimeMillis": q.From.UnixMilli(), "stepMillis": time.Duration(with.Pair.Step).Milliseconds(),
		"control": side(100), "experiment": side(s.canary),
	})
}

func spoken(answer any) (judge.Reading, error) {
	value, err := json.Marshal(answer)
	return judge.Reading{Value: value}, err
}

// consulting are judges that ask queries, all of a store of the name prometheus.
var consulting = map[string]string{
	"condition": `{kind: condition, metrics: [{name: success-rate, success: "result[0] >= 0.95", failure: "result[0] < 0.93", interval: 15s, count: 8, failureLimit: 2,
    query: {prometheus: {address: "http://p.invalid:9090", query: up}}}]}`,
	"threshold": `{kind: threshold, interval: 10s, checks: {failed: 3, passed: 5}, metrics: [{name: success-rate, range: {min: 0.95},
    query: {prometheus: {address: "http://p.invalid:9090", query: up}}}]}`,
	"kayenta": `{kind: kayenta, interval: 30s, lifetime: 2m, step: 1s, thresholds: {pass: 95, marginal: 75}, config: {metrics: [{name: latency, groups: [users],
    query: {type: prometheus, customInlineTemplate: 'PromQL:latency{instance=~"${scope}"}'},
    analysisConfigurations: {canary: {direction: increase, critical: true, effectSize: {criticalIncrease: 1.2, allowedIncrease: 1.1}}}}],
    classifier: {groupWeights: {users: 100}}}}`,
	// The native judge asks nothing: its recordings have no answers.
	"sequential": `{}`,
}

func consultingDraft(by string) string {
	text := strings.Replace(judged(consulting[by]), "  - {approve: {group: sre, within: 1h}}\n", "", 1)
	if by == "kayenta" {
		text = strings.Replace(text, "  groups:", "  metrics: {prometheus: {address: \"http://p.invalid:9090\", preset: go}}\n  groups:", 1)
	}
	return text
}

// Whatever judges a release, its recording has the answers that its judge was given, and is replayed verdict by verdict.
func TestReplayGivesTheSameAnswers(t *testing.T) {
	scenario, _ := simulation.Named("good")
	scenario.People = simulation.People{Approve: true}
	for by := range consulting {
		for name, like := range map[string]struct{ level, canary, silent float64 }{
			"good": {level: 0.99, canary: 100}, "bad": {level: 0.9, canary: 150}, "often silent": {level: 0.99, canary: 100, silent: 0.3},
		} {
			t.Run(by+", "+name, func(t *testing.T) {
				d := draft(t, consultingDraft(by))
				s := &server{dice: rand.New(rand.NewPCG(1, 2)), level: like.level, canary: like.canary, silent: like.silent}
				recording, before, ending := recordBeside(t, d, scenario, 1, map[string]metric.Store{"prometheus": s})
				result, after, transcript, again := play(t, d, recording)
				if !reflect.DeepEqual(before, after) {
					t.Fatalf("%d verdicts were recorded and %d replayed; the first that differ: %s", len(before), len(after), different(before, after))
				}
				if result.Phase != ending.Position.Phase || again != recording {
					t.Errorf("the release came to %s, its replay to %s:\n%s", ending.Position.Phase, result.Phase, transcript)
				}
				if answers := strings.Count(recording, `"metric":`); answers != s.asked || (answers == 0) != (by == "sequential") {
					t.Errorf("%d answers were given, %d recorded", s.asked, answers)
				}
				want := map[string]plan.Phase{"good": plan.Succeeded, "bad": plan.Returned, "often silent": ending.Position.Phase}[name]
				if by == "sequential" {
					want = plan.Succeeded
				}
				if ending.Position.Phase != want {
					t.Errorf("the release came to %s, want %s", ending.Position.Phase, want)
				}
			})
		}
	}
}

// Another spec, which asks at other moments, is told what there is: no answer twice.
func TestAnswersForAnotherSpec(t *testing.T) {
	good, _ := simulation.Named("good")
	d := draft(t, consultingDraft("condition"))
	recording, _, _ := recordBeside(t, d, good, 1, map[string]metric.Store{"prometheus": &server{dice: rand.New(rand.NewPCG(1, 2)), level: 0.99}})
	for what, with := range map[string]struct {
		edit string
		want plan.Phase // "": none
		says string
	}{
		"asks less often":              {"interval: 40s, count: 3", plan.Succeeded, ""},
		"asks more often":              {"interval: 5s, count: 24", "", "the recording has no answer to this query since 2026-"},
		"asks for what nobody counted": {"interval: 15s, count: 8, name: latency", "", "the recording has no answer to this query"},
	} {
		text := strings.Replace(consultingDraft("condition"), "interval: 15s, count: 8", with.edit, 1)
		if strings.Contains(with.edit, "name:") {
			text = strings.Replace(text, "name: success-rate, ", "", 1)
		}
		result, verdicts, transcript, _ := play(t, draft(t, text), recording)
		if over := result.Phase.Over(); over != (with.want != "") || over && result.Phase != with.want {
			t.Errorf("a spec that %s came to %s:\n%s", what, result.Phase, transcript)
		}
		if said := fmt.Sprint(verdicts); !strings.Contains(said, with.says) {
			t.Errorf("a spec that %s is never told that %q:\n%s", what, with.says, transcript)
		}
	}
}

// Recordings of the schema before this one have no answers, and are read.
func TestOldRecordings(t *testing.T) {
	d := draft(t, judged("{}"))
	scenario, _ := simulation.Named("errors")
	recording, before, _ := record(t, d, scenario, 1)
	old := strings.Replace(recording, "recording/2", "recording/1", 1)
	if _, after, _, again := play(t, d, old); !reflect.DeepEqual(before, after) || again != recording {
		t.Errorf("it is another release: %s", different(before, after))
	}
}

// What is read is written again as it was, and what is no recording is refused with its place, whatever it is.
func FuzzRead(f *testing.F) {
	f.Add(`{"schema":"` + replay.Schema + `","target":"Process/shop","tracks":{},"start":"2026-01-05T09:00:00Z"}
{"at":"2026-01-05T09:00:00Z","weight":5,"tracks":{"stable":{"a":{"requests":7,"failures":1,"le":[0.1,0.5],"buckets":[3,6]}}},"problems":{"canary":"b hangs"}}
{"at":"2026-01-05T09:00:00Z","analysis":"judge","metric":"rate","value":[0.99,"NaN"]}
{"at":"2026-01-05T09:00:00Z","analysis":"judge","metric":"<b>","error":"out for lunch"}
{"at":"2026-01-05T09:00:05.000000001Z","tracks":null}
`)
	f.Add(`{"schema":"https://serin.dev/schema/recording/1","target":"Process/shop","tracks":null,"start":"2026-01-05T09:00:00+02:00"}
{"at":"2026-01-05T09:00:00Z","tracks":{}}
{"at":"2026-01-05T09:00:00Z","analysis":"judge","metric":"rate","value":1}
`)
	f.Fuzz(readAndCopied)
}

func readAndCopied(t *testing.T, recording string) {
	head, frames, err := readAll(recording)
	if err != nil {
		if !strings.HasPrefix(err.Error(), "shop.jsonl:") {
			t.Errorf("refused without its place: %v", err)
		}
		return
	}
	var out bytes.Buffer
	w, err := replay.NewWriter(&out, head)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range frames {
		if err := w.Write(one); err != nil {
			t.Fatal(err)
		}
		if one.Weight != nil && !(math.Abs(*one.Weight) <= 100) {
			t.Errorf("weight %g", *one.Weight)
		}
	}
	_, again, err := readAll(out.String())
	if err != nil || len(again) != len(frames) {
		t.Fatalf("%d frames became %d: %v\n%s", len(frames), len(again), err, out.String())
	}
	var copied bytes.Buffer
	if w, err = replay.NewWriter(&copied, head); err != nil {
		t.Fatal(err)
	}
	for _, one := range again {
		if err := w.Write(one); err != nil {
			t.Fatal(err)
		}
	}
	if copied.String() != out.String() {
		t.Errorf("a copy of the copy differs:\n%s\n%s", out.String(), copied.String())
	}
}
