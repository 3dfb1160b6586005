package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/judge/condition"
	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/world"
)

// An oracle answers queries one after the other. It is outside of the process, and so outlives it.
type oracle struct {
	metric.Store
	answers []string // the last is for good; "" is none
	asked   int
}

func (o *oracle) Query(context.Context, metric.QueryQuestion) (judge.Reading, error) {
	answer := o.answers[min(o.asked, len(o.answers)-1)]
	o.asked++
	if answer == "" {
		return judge.Reading{}, fmt.Errorf("the oracle is silent")
	}
	return judge.Reading{Value: json.RawMessage(answer)}, nil
}

// consulted is a release judged by one condition on what an oracle says.
func consulted(t *testing.T, settings string, answers ...string) (Story, *oracle) {
	t.Helper()
	d := draft("v2", weight(100, time.Minute), weight(500, time.Minute))
	queries, err := condition.Asks(json.RawMessage(settings))
	if err != nil {
		t.Fatal(err)
	}
	queries[0].Source = plan.Use{Kind: "oracle"}
	d.Analyses[0].Queries, d.Analyses[0].Judge = queries, plan.Use{Kind: "condition", With: json.RawMessage(settings)}
	w := world.New(0)
	can := compile.Abilities{Router: w.Router().Features(), Workload: w.Workload().Features()}
	old := d
	old.Target.Revision = "v1"
	first, notes := compile.Compile(old, "", can)
	second, more := compile.Compile(d, "v1", can)
	if notes.Err() || more.Err() {
		t.Fatal(notes, more)
	}
	o := &oracle{answers: answers}
	return Story{
		First: first, Second: second, Seed: 1, Stores: map[string]metric.Store{"oracle": o},
		Scenario: Scenario{Name: "consulted", Rate: 40},
		Judge: func(u plan.Use) (judge.Judge, error) {
			c, err := condition.Decode(u.With)
			if err != nil {
				return nil, err
			}
			return condition.New(c)
		},
	}, o
}

const patient = `{"metrics": [{"name": "m", "success": "result > 0", "interval": "20s", "count": 4, "failureLimit": 1}]}`

// However often the process dies, a query is asked when it is due and no sooner, and no answer against the canary is forgotten.
func TestAnswersSurviveCrashes(t *testing.T) {
	for _, c := range []struct {
		reason  string
		answers []string
		want    plan.Phase
		asked   int
	}{
		{"four good answers", []string{"1"}, plan.Succeeded, 4},
		{"one bad answer is forgiven", []string{"1", "0", "1"}, plan.Succeeded, 4},
		{"two are not", []string{"0", "1", "0"}, plan.Returned, 3},
		{"errors are asked again, and do not count", []string{"1", "", "1"}, plan.Succeeded, 5},
	} {
		for _, checkpoint := range []time.Duration{0, 5 * time.Minute} {
			for crashAt := range 12 { // after that write of the record; 0: never
				if testing.Short() && crashAt%4 != 0 {
					continue // `make test` takes them all
				}
				story, o := consulted(t, patient, c.answers...)
				story.Scenario.CrashAt, story.Checkpoint = crashAt, checkpoint
				name := fmt.Sprintf("%s, checkpoint %v, crash at %d", c.reason, checkpoint, crashAt)
				runConsulted(t, name, story, o, c.want, c.asked, checkpoint == 0 || crashAt == 0)
			}
		}
	}
}

// runConsulted follows one story. With checkpoints that are minutes apart a good answer may be lost, and is asked for again.
func runConsulted(t *testing.T, name string, story Story, o *oracle, want plan.Phase, times int, exact bool) {
	t.Helper()
	end, err := Run(story)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if end.Position.Phase != want || len(end.Broken) > 0 {
		t.Errorf("%s: %s after %d answers, want %s: %+v, broken %v", name, end.Position.Phase, o.asked, want, end.Position.Failure, end.Broken)
	}
	if exact && o.asked != times {
		t.Errorf("%s: asked %d times, want %d", name, o.asked, times)
	}
	if f := end.Position.Failure; want == plan.Returned && (f == nil || !strings.Contains(f.Text, "failed 2 > failureLimit 1")) {
		t.Errorf("%s: went back because of %+v", name, f)
	}
}
