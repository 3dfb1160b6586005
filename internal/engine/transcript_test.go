package engine_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/engine"
	"serin.dev/serin/internal/plan"
)

// Transcripts tell what the engine decides, one story per file, in a small language; -rewrite writes the answers anew, and
// the diff is the review.
//
//	release weights=10,50 hold=1m [approve] [stable=] [within=5m]   compile a plan of a target of four replicas
//	decide                    one decision: the rule that fired, where the release stands, what is ordered and told
//	follow                    the world does what was ordered: replicas get ready, the route follows, requests end
//	see v2=1/2 judge=fail     a fact: pool v2 has 1 of 2 replicas ready; the analysis says fail, for this reason
//	see route=100/0           the route is (still) so; see lag: it does not follow
//	pass 30s                  time goes by
//	act abort ana too slow    a person does something
//	restart                   the process is killed: the position is read from its record
//	run                       decide and follow until nothing moves; one line per rule that moved the release
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		s := &stage{t: t, now: nine}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			return s.do(d)
		})
	})
}

var nine = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// A stage is the world of one transcript: it does nothing by itself.
type stage struct {
	t        *testing.T
	now      time.Time
	p        plan.Plan
	at       plan.Position
	pools    map[plan.PoolName]*plan.Pool
	route    plan.Route
	verdicts map[string]plan.Verdict
	acts     []plan.Act
	next     plan.Revision
	last     engine.Decision
}

func (s *stage) do(d *datadriven.TestData) string {
	switch d.Cmd {
	case "release":
		return s.release(d)
	case "decide":
		return s.decide()
	case "follow":
		s.follow()
		return s.seen()
	case "see":
		s.see(d)
		return s.seen()
	case "pass":
		step, err := time.ParseDuration(d.CmdArgs[0].Key)
		if err != nil {
			d.Fatalf(s.t, "%v", err)
		}
		s.now = s.now.Add(step)
		return s.clock() + "\n"
	case "act":
		return s.act(d)
	case "restart":
		return s.restart()
	case "run":
		return s.run()
	}
	d.Fatalf(s.t, "no verb %q", d.Cmd)
	return ""
}

// clock is the time since the story began, at nine.
func (s *stage) clock() string { return s.now.Sub(nine).String() }

// release compiles a plan. With stable= (empty) it is the first one.
func (s *stage) release(d *datadriven.TestData) string {
	place := plan.Origin{File: "shop.yaml", Line: 1, Column: 1, Object: "Canary shop", Field: "spec"}
	draft := compile.Draft{
		Name: "shop", Origin: place, Router: plan.Use{Kind: "proxy"}, Strategy: compile.Weighted,
		Target:   compile.Target{Kind: "Process", Name: "shop", Replicas: 4, Revision: "v2", Origin: place},
		Analyses: []plan.Analysis{{Name: "judge", Origin: place, Every: 5 * time.Second, Judge: plan.Use{Kind: "sequential"}, Source: plan.Use{Kind: "proxy"}}},
		Hooks: []plan.Hook{
			{Name: "chat", Origin: place, On: plan.Promoted, Use: plan.Use{Kind: "log"}},
			{Name: "chat", Origin: place, On: plan.RolledBack, Use: plan.Use{Kind: "log"}},
			{Name: "page", Origin: place, On: plan.NeedsYou, Use: plan.Use{Kind: "log"}},
		},
		Deadline: 5 * time.Minute, Patience: 30 * time.Minute,
	}
	var hold time.Duration
	stable := plan.Revision("v1")
	for _, arg := range d.CmdArgs {
		switch arg.Key {
		case "hold":
			hold, _ = time.ParseDuration(arg.Vals[0])
		case "stable":
			stable = plan.Revision(strings.Join(arg.Vals, ""))
		case "strategy":
			draft.Strategy = compile.Strategy(arg.Vals[0])
		case "weights":
			for _, text := range arg.Vals {
				w, err := strconv.ParseFloat(text, 64)
				if err != nil {
					d.Fatalf(s.t, "%v", err)
				}
				share := plan.Share(w * 10)
				draft.Moves = append(draft.Moves, compile.Move{Origin: place, Weight: &share})
			}
		case "approve":
			draft.Moves[len(draft.Moves)-1].Approve = &plan.Approved{Group: "sre", Within: time.Hour}
		}
	}
	for i := range draft.Moves {
		draft.Moves[i].Hold = hold
	}
	p, notes := compile.Compile(draft, stable, compile.Abilities{
		Router:   plan.Features{plan.Weights, plan.Fine, plan.Draining, plan.Mirroring, plan.Headers, plan.Cookies, plan.Paths, plan.Stickying, plan.FineMirroring, plan.StickyHeaders},
		Workload: plan.Features{plan.Scaling, plan.Renaming, plan.Yielding},
	})
	if notes.Err() {
		d.Fatalf(s.t, "%s", notes[0])
	}
	s.p, s.at, s.acts, s.verdicts = p, plan.Position{}, nil, map[string]plan.Verdict{}
	s.pools, s.route, s.next = map[plan.PoolName]*plan.Pool{}, plan.Route{}, ""
	if stable != "" {
		s.pools["v1"] = &plan.Pool{Name: "v1", Revision: "v1", Wanted: 4, Ready: 4, Updated: 4, Running: 4}
		s.route = plan.Route{Traffic: plan.Traffic{Shares: plan.Shares{plan.Stable: plan.Whole}}, Pools: map[plan.TrackName]plan.PoolName{plan.Stable: "v1"}}
	}
	var b strings.Builder
	for i, step := range p.Steps {
		fmt.Fprintf(&b, "%d %s\n", i, step.Name)
	}
	return b.String()
}

func (s *stage) sight() engine.Sight {
	seen := engine.Sight{Now: s.now, Full: 4, Route: s.route, Verdicts: s.verdicts, Acts: s.acts, Superseded: s.next}
	for _, p := range s.pools {
		seen.Pools = append(seen.Pools, *p)
	}
	slices.SortFunc(seen.Pools, func(a, b plan.Pool) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return seen
}

func (s *stage) decide() string {
	s.last = engine.Decide(s.p, s.at, s.sight())
	s.at = s.last.Next
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %s %d (%s)\n", s.clock(), s.last.Fired, s.at.Phase, s.at.Step, s.p.Steps[s.at.Step].Name)
	if w := s.at.Waiting; w != nil {
		fmt.Fprintf(&b, "  waits for %s: %s%s\n", w.For, w.Text, ends(*w))
	}
	fmt.Fprintf(&b, "  orders %s, traffic %s\n", sizes(s.last.Do), split(s.last.Do.Traffic, s.last.Do.Behind))
	for _, t := range s.last.Tell {
		fmt.Fprintf(&b, "  tells %s of %s: %s\n", t.Hook.Name, t.Event, t.Text)
	}
	return b.String()
}

func ends(w plan.Waiting) string {
	if w.Until.IsZero() {
		return ", ended by " + w.EndBy
	}
	return fmt.Sprintf(", until %s, then %s", w.Until.Sub(nine), w.Then)
}

func sizes(o engine.Orders) string {
	var texts []string
	for _, p := range o.Pools {
		texts = append(texts, fmt.Sprintf("%s x%d", p.Revision, p.Replicas))
	}
	return strings.Join(texts, " ")
}

func split(t plan.Traffic, behind map[plan.TrackName]plan.PoolName) string {
	var texts []string
	for _, track := range t.Shares.Tracks() {
		texts = append(texts, fmt.Sprintf("%s %s", behind[track], t.Shares[track]))
	}
	if len(texts) == 0 {
		return "to nobody"
	}
	return strings.Join(texts, " ")
}

// follow lets the world do at once what was ordered last.
func (s *stage) follow() {
	for name := range s.pools {
		if !slices.ContainsFunc(s.last.Do.Pools, func(o engine.PoolOrder) bool { return o.Pool == name && o.Replicas > 0 }) {
			delete(s.pools, name)
		}
	}
	for _, o := range s.last.Do.Pools {
		if o.Replicas > 0 {
			s.pools[o.Pool] = &plan.Pool{Name: o.Pool, Revision: o.Revision, Wanted: o.Replicas, Ready: o.Replicas, Updated: o.Replicas, Running: o.Replicas}
		}
	}
	s.route.Traffic, s.route.Pools, s.route.Pending = s.last.Do.Traffic, s.last.Do.Behind, ""
}

var reasons = map[plan.Outcome]string{
	plan.Hold: "failures 0.9%, limit 1%, undecided", plan.Pass: "failures 0.2%, limit 1%", plan.Fail: "failures 4%, limit 1%",
	plan.Insufficient: "3 requests are not enough", plan.Unavailable: "metrics do not answer",
}

func (s *stage) see(d *datadriven.TestData) {
	for _, arg := range d.CmdArgs {
		switch arg.Key {
		case "judge":
			s.verdicts["judge"] = plan.Verdict{Outcome: plan.Outcome(arg.Vals[0]), Reason: reasons[plan.Outcome(arg.Vals[0])]}
		case "newer":
			s.next = plan.Revision(arg.Vals[0])
		case "lag":
			s.route.Pending = "the gateway has not accepted the route"
		default:
			ready, wanted, _ := strings.Cut(arg.Vals[0], "/")
			r, _ := strconv.Atoi(ready)
			w, err := strconv.Atoi(wanted)
			if err != nil {
				d.Fatalf(s.t, "%s: want READY/WANTED", arg)
			}
			s.pools[plan.PoolName(arg.Key)] = &plan.Pool{Name: plan.PoolName(arg.Key), Revision: plan.Revision(arg.Key), Wanted: w, Ready: r, Updated: r, Running: w}
		}
	}
}

func (s *stage) seen() string {
	var texts []string
	for _, p := range s.sight().Pools {
		texts = append(texts, fmt.Sprintf("%s %d/%d", p.Name, p.Ready, p.Wanted))
	}
	texts = append(texts, "traffic "+split(s.route.Traffic, s.route.Pools))
	if s.route.Pending != "" {
		texts = append(texts, "pending")
	}
	return strings.Join(texts, ", ") + "\n"
}

func (s *stage) act(d *datadriven.TestData) string {
	var words []string
	for _, a := range d.CmdArgs {
		words = append(words, a.Key)
	}
	act := plan.Act{Verb: plan.Verb(words[0]), Actor: words[1], Reason: strings.Join(words[2:], " "), At: s.now}
	if err := engine.Refuse(s.p, s.at, act); err != nil {
		return "refused: " + err.Error() + "\n"
	}
	s.acts = append(s.acts, act)
	return "recorded\n"
}

func (s *stage) restart() string {
	data, err := json.Marshal(s.at)
	if err != nil {
		return err.Error() + "\n"
	}
	s.at = plan.Position{}
	if err := json.Unmarshal(data, &s.at); err != nil {
		return err.Error() + "\n"
	}
	return "at step " + strconv.Itoa(s.at.Step) + "\n"
}

func (s *stage) run() string {
	var b strings.Builder
	for range 100 {
		before, _ := json.Marshal(s.at)
		told := s.decide()
		s.follow()
		if after, _ := json.Marshal(s.at); string(after) == string(before) {
			return b.String() + told
		}
		for line := range strings.Lines(told) {
			if (!strings.HasPrefix(line, " ") || strings.HasPrefix(line, "  tells")) && !strings.HasSuffix(b.String(), line) {
				b.WriteString(line)
			}
		}
	}
	return b.String() + "does not come to rest\n"
}
