package reconcile

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"serin.dev/serin/internal/engine"
	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
)

// readWithin bounds one reading of a metric store. A store that hangs costs this much of a round, and a gap in the looks.
const readWithin = 3 * time.Second

// look takes the looks that are due. What goes wrong with one is a gap for its judge, and a verdict of its own kind; it
// never stops the round, because traffic has to be looked after whether or not it can be measured.
func (l *Loop) look(ctx context.Context, r *release, seen engine.Sight) {
	if r.status.Position.Phase.Over() {
		l.over(r.Name)
		l.watchStable(ctx, r, seen)
		return
	}
	l.meet(r, seen)
	for _, name := range engine.Needs(r.Plan, r.status.Position, looked(r), seen.Now) {
		a := analysis(r.Plan, name)
		e, err := l.lookAt(ctx, r, a, seen)
		if err != nil {
			e = r.status.Evidence[name]
			e.Looked = seen.Now
			e.Verdict = plan.Verdict{Outcome: plan.Unavailable, Reason: err.Error()}
		}
		r.evidence[name] = e
	}
}

func analysis(p plan.Plan, name string) plan.Analysis {
	i := slices.IndexFunc(p.Analyses, func(a plan.Analysis) bool { return a.Name == name })
	return p.Analyses[i] // names come from the plan itself
}

// judgeOf makes the judge of an analysis, once: the plan of a release never changes, and to read conditions takes longer than to
// ask them. One worker at a time has a release in hand.
func (l *Loop) judgeOf(r *release, a plan.Analysis) (judge.Judge, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if j, made := l.judges[r.Name][a.Name]; made {
		return j, nil
	}
	j, err := l.Judge(a.Judge)
	if err != nil {
		return nil, err
	}
	if l.judges[r.Name] == nil {
		l.judges[r.Name] = map[string]judge.Judge{}
	}
	l.judges[r.Name][a.Name] = j
	return j, nil
}

// lookAt takes one look at one analysis: read counters, work out what is new, let the judge weigh it.
func (l *Loop) lookAt(ctx context.Context, r *release, a plan.Analysis, seen engine.Sight) (releases.Evidence, error) {
	j, err := l.judgeOf(r, a)
	if err != nil {
		return releases.Evidence{}, fmt.Errorf("set up judge of %s: %w", a.Name, err)
	}
	e, begun := r.status.Evidence[a.Name]
	if !begun {
		return l.begin(ctx, r, a, j, seen)
	}
	state, err := j.Restore(e.State)
	if err != nil {
		return e, fmt.Errorf("restore evidence of %s: %w", a.Name, err)
	}
	var before metric.Snapshot
	if err := json.Unmarshal(e.Counters, &before); err != nil {
		return e, fmt.Errorf("restore counters of %s: %w", a.Name, err)
	}
	if back := e.Looked.Sub(seen.Now); back > 0 { // the clock was set back: looks go on from where they were
		e.Began, e.Asked = e.Began.Add(-back), moved(e.Asked, -back)
	}
	look := judge.Look{T: seen.Now.Sub(e.Began).Seconds(), Weight: seen.Route.Traffic.Shares[plan.Canary].Percent()}
	var asking sync.WaitGroup
	asking.Go(func() { look.Readings = l.ask(ctx, r, dueQueries(a, e, j, state, seen.Now), e.Began, seen) })
	after, problem := l.read(ctx, a.Source, question(r.Target, r.wanted(), seen, before, l.metSince(r.Name, a.Name)))
	asking.Wait()
	e.Asked = asked(e.Asked, look.Readings, seen.Now)
	if look.Tracks, look.Gap = metric.Increments(before, after); !look.Gap {
		l.parted(r.Name, a.Name)
	}
	l.looked(r, Looking{Analysis: a.Name, At: seen.Now, Weight: look.Weight, Seen: after, Answers: look.Readings})
	state, e.Verdict = j.Look(state, look)
	if !look.Gap {
		l.weigh(r, &e, look, seen)
	}
	if e.Verdict.Outcome == plan.Unavailable && problem != "" {
		e.Verdict.Reason += ": " + problem
	}
	e.Looked, e.Looks = seen.Now, e.Looks+1
	e.Trail = trailed(e, r.status.Position.Step, look)
	if e.State, err = state.Checkpoint(); err != nil {
		return e, fmt.Errorf("keep evidence of %s: %w", a.Name, err)
	}
	if e.Counters, err = json.Marshal(forget(metric.Carry(before, after), seen)); err != nil {
		return e, fmt.Errorf("keep counters of %s: %w", a.Name, err)
	}
	return e, nil
}

// begin starts an analysis: stable's recent past is the judge's history, and the counters of this moment are its zero.
func (l *Loop) begin(ctx context.Context, r *release, a plan.Analysis, j judge.Judge, seen engine.Sight) (releases.Evidence, error) {
	e := releases.Evidence{Began: seen.Now, Looked: seen.Now}
	state := j.Start()
	e.Verdict = plan.Verdict{Outcome: plan.Insufficient, Reason: "measuring begins"}
	for _, past := range l.past(r.Target, seen.Now) {
		state, _ = j.Look(state, past)
	}
	zero, problem := l.read(ctx, a.Source, question(r.Target, r.wanted(), seen, metric.Snapshot{}, nil))
	l.looked(r, Looking{Analysis: a.Name, At: seen.Now, Weight: seen.Route.Traffic.Shares[plan.Canary].Percent(), Seen: zero})
	if problem != "" && len(a.Queries) == 0 { // where queries are asked, counts may be of no matter
		e.Verdict = plan.Verdict{Outcome: plan.Unavailable, Reason: "measuring does not begin: " + problem}
	}
	var err error
	if e.State, err = state.Checkpoint(); err != nil {
		return e, fmt.Errorf("keep evidence of %s: %w", a.Name, err)
	}
	if e.Counters, err = json.Marshal(zero); err != nil {
		return e, fmt.Errorf("keep counters of %s: %w", a.Name, err)
	}
	return e, nil
}

// read asks a store.
func (l *Loop) read(ctx context.Context, from plan.Use, q metric.Question) (metric.Snapshot, string) {
	store, ok := l.Metrics[from.Kind]
	if !ok {
		return metric.Snapshot{}, fmt.Sprintf("no metric store %q", from.Kind)
	}
	q.With = from.With
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	got, err := store.Read(ctx, q)
	if err != nil {
		return metric.Snapshot{}, err.Error()
	}
	var problems []string
	for track, problem := range got.Problems {
		problems = append(problems, fmt.Sprintf("%s: %s", track, problem))
	}
	slices.Sort(problems)
	return got, strings.Join(problems, "; ")
}

// question asks for the counters of a target's tracks: by instance, and by Service for stores that count at a router.
func question(target string, want plan.State, seen engine.Sight, before metric.Snapshot, met acquaintance) metric.Question {
	q := metric.Question{Target: target, Tracks: instances(want, seen, before, met), Services: map[plan.TrackName]string{}}
	for _, t := range want.Tracks {
		for _, p := range seen.Pools {
			if p.Name == t.Pool && p.Service != "" {
				q.Services[t.Name] = p.Service
			}
		}
	}
	return q
}

// instances lists whom to ask, by track: those that are there, those that were at the last look and those met in between, for
// one that has just crashed takes the requests it failed with it otherwise. An instance without a URL is gone: a store that has
// kept its counters knows them by name, another passes it over.
func instances(want plan.State, seen engine.Sight, before metric.Snapshot, met acquaintance) map[plan.TrackName][]plan.Endpoint {
	ask := map[plan.TrackName][]plan.Endpoint{}
	here := map[string]bool{}
	for _, t := range want.Tracks {
		for _, p := range seen.Pools {
			if p.Name != t.Pool {
				continue
			}
			ask[t.Name] = append(ask[t.Name], p.Endpoints...)
			for _, e := range p.Endpoints {
				here[e.Instance] = true
			}
		}
	}
	for track, counters := range before.Tracks {
		for instance := range counters {
			if !here[instance] {
				ask[track] = append(ask[track], plan.Endpoint{Instance: instance})
				here[instance] = true
			}
		}
	}
	for instance, track := range met {
		if !here[instance] {
			ask[track] = append(ask[track], plan.Endpoint{Instance: instance})
		}
	}
	for _, list := range ask {
		slices.SortFunc(list, func(a, b plan.Endpoint) int { return strings.Compare(a.Instance, b.Instance) })
	}
	return ask
}

// remembered bounds how many instances a checkpoint knows. A crash loop makes new ones for ever.
const remembered = 500

// forget drops instances that are gone once there are too many.
func forget(known metric.Snapshot, seen engine.Sight) metric.Snapshot {
	total := 0
	for _, counters := range known.Tracks {
		total += len(counters)
	}
	if total <= remembered {
		return known
	}
	here := map[string]bool{}
	for _, p := range seen.Pools {
		for _, e := range p.Endpoints {
			here[e.Instance] = true
		}
	}
	for _, counters := range known.Tracks {
		maps.DeleteFunc(counters, func(instance string, _ metric.Counters) bool { return !here[instance] })
	}
	return known
}
