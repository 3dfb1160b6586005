package compile

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"serin.dev/serin/internal/plan"
)

// draft is a release of four replicas with three moves, judged.
func draft() Draft {
	at := func(field string) plan.Origin {
		return plan.Origin{File: "shop.yaml", Line: 7, Column: 3, Object: "Canary shop", Field: field}
	}
	return Draft{
		Name: "shop", Origin: at("metadata.name"),
		Target: Target{Kind: "Process", Name: "shop", Replicas: 4, Revision: "v2"},
		Router: plan.Use{Kind: "proxy"},
		Moves: []Move{
			{Origin: at("spec.steps[0]"), Weight: share(100), Hold: time.Minute},
			{Origin: at("spec.steps[1]"), Approve: &plan.Approved{Group: "sre"}},
			{Origin: at("spec.steps[2]"), Weight: share(500), Hold: time.Minute},
		},
		Analyses: []plan.Analysis{{Name: "sequential", Origin: at("spec.judge"), Judge: plan.Use{Kind: "sequential"}, Source: plan.Use{Kind: "proxy"}}},
	}
}

var machine = Abilities{
	Router:   plan.Features{plan.Weights, plan.Fine, plan.Headers, plan.Cookies, plan.Paths, plan.Mirroring, plan.FineMirroring, plan.Stickying, plan.StickyHeaders},
	Workload: plan.Features{plan.Scaling, plan.Renaming, plan.Yielding},
}

func TestCompilePromotesByRenamingOrReplacing(t *testing.T) {
	renaming, notes := Compile(draft(), "v1", machine)
	if notes.Err() {
		t.Fatal(notes)
	}
	replacing, notes := Compile(draft(), "v1", Abilities{machine.Router, plan.Features{plan.Scaling}})
	if notes.Err() {
		t.Fatal(notes)
	}
	counted, notes := Compile(draft(), "v1", Abilities{plan.Features{plan.Weights, plan.Instances}, plan.Features{plan.Scaling}})
	if notes.Err() {
		t.Fatal(notes)
	}
	for _, c := range []struct {
		reason     string
		got        plan.Step
		stable     plan.Track
		canary     plan.Track
		shares     plan.Shares
		reversible bool
	}{
		{
			"renaming: both whole, the canary has everything, and the way back is open", renaming.Steps[renaming.Promotion],
			plan.Track{Name: plan.Stable, Revision: "v1", Pool: "v1", Capacity: plan.Full},
			plan.Track{Name: plan.Canary, Revision: "v2", Pool: "v2", Capacity: plan.Full},
			plan.Shares{plan.Stable: 0, plan.Canary: 1000}, true,
		},
		{
			"replacing: the canary gets everything first, and the way back is open", replacing.Steps[replacing.Promotion],
			plan.Track{Name: plan.Stable, Revision: "v1", Pool: "stable", Capacity: plan.Full},
			plan.Track{Name: plan.Canary, Revision: "v2", Pool: "canary", Capacity: plan.Full},
			plan.Shares{plan.Stable: 0, plan.Canary: 1000}, true,
		},
		{
			"replacing: stable's own pool rolls while nobody asks it, and nothing is safer than going on", replacing.Steps[replacing.Promotion+1],
			plan.Track{Name: plan.Stable, Revision: "v2", Pool: "stable", Capacity: plan.Full},
			plan.Track{Name: plan.Canary, Revision: "v2", Pool: "canary", Capacity: plan.Full},
			plan.Shares{plan.Stable: 0, plan.Canary: 1000}, false,
		},
		{
			"by number of instances: the canary keeps its share while stable's own pool rolls", counted.Steps[counted.Promotion],
			plan.Track{Name: plan.Stable, Revision: "v2", Pool: "stable", Capacity: plan.Full},
			plan.Track{Name: plan.Canary, Revision: "v2", Pool: "canary", Capacity: plan.Full},
			plan.Shares{plan.Stable: 500, plan.Canary: 500}, false,
		},
	} {
		if !strings.Contains("promote, replace stable", c.got.Name) || c.got.Desired.Tracks[0] != c.stable || c.got.Desired.Tracks[1] != c.canary || !reflect.DeepEqual(c.got.Desired.Traffic.Shares, c.shares) {
			t.Errorf("%s: got %+v", c.reason, c.got)
		}
		if back := c.got.Rollback == 0; back != c.reversible {
			t.Errorf("%s: rolls back to %d", c.reason, c.got.Rollback)
		}
	}
}

func TestGatesWaitForWhatCanBeKnown(t *testing.T) {
	p, notes := Compile(draft(), "v1", machine)
	if notes.Err() {
		t.Fatal(notes)
	}
	looking := plan.Passed{Analysis: "sequential", Within: DefaultPatience}
	proof := plan.Passed{Analysis: "sequential", Within: DefaultPatience, Proven: true}
	for i, c := range []struct {
		reason string
		want   []plan.Gate
	}{
		{"nothing waits before the release", nil},
		{"time, and somebody is looking", []plan.Gate{plan.After{Hold: time.Minute}, looking}},
		{"people are asked while somebody is still looking", []plan.Gate{looking, plan.Approved{Group: "sre"}}},
		{"the last comparison has to prove it", []plan.Gate{plan.After{Hold: time.Minute}, proof}},
		{"without stable there is nothing to compare with", nil},
		{"the end is the end", nil},
	} {
		if !reflect.DeepEqual(p.Steps[i].Until, c.want) {
			t.Errorf("step %d, %s: got %v, want %v", i, c.reason, p.Steps[i].Until, c.want)
		}
	}
	if a := p.Analyses[0]; a.From != 1 || a.To != 4 || a.Every != 5*time.Second {
		t.Errorf("the analysis spans steps %d to %d every %s, want 1 to 4 every 5s", a.From, a.To, a.Every)
	}
}

func TestDeadlinesEndAtThePointOfNoReturn(t *testing.T) {
	d := draft()
	d.Deadline = time.Minute
	p, _ := Compile(d, "v1", machine)
	for i, s := range p.Steps {
		if s.Within != time.Minute {
			t.Errorf("step %d (%s) has %s to be reached and rolls back to %d", i, s.Name, s.Within, s.Rollback)
		}
	}
}

func TestDeadlineIsShorterWhileRequestsWait(t *testing.T) {
	d := draft()
	d.Strategy, d.Moves = Recreate, nil
	p, notes := Compile(d, "v1", machine)
	if notes.Err() || p.Steps[1].Within != DefaultOutage || p.Steps[2].Within != DefaultOutage {
		t.Errorf("stop may take %s and start %s, want %s; %v", p.Steps[1].Within, p.Steps[2].Within, DefaultOutage, notes)
	}
	d.Deadline = time.Hour
	if p, _ = Compile(d, "v1", machine); p.Steps[2].Within != time.Hour {
		t.Errorf("the user's deadline is %s, want 1h", p.Steps[2].Within)
	}
}

func TestFirstReleaseIsOneStep(t *testing.T) {
	for stable, reason := range map[plan.Revision]string{"": "nothing runs yet", "v2": "it runs already"} {
		p, notes := Compile(draft(), stable, Abilities{}) // a first release asks nothing of router and workload
		if notes.Err() || len(p.Steps) != 1 || p.Steps[0].Desired.Tracks[0].Revision != "v2" || len(p.Analyses) != 0 {
			t.Errorf("%s: got %+v, %v", reason, p, notes)
		}
	}
}

func TestCapacityFollowsTheRequests(t *testing.T) {
	match := []plan.Match{{Headers: []plan.Condition{{Name: "X", How: plan.Present}}, Track: plan.Canary}}
	two := &plan.Capacity{Replicas: 2}
	at := word(draft().Origin, "spec.steps")
	for _, c := range []struct {
		reason string
		moves  []Move
		want   []int // replicas of the canary, of 10
	}{
		{"a share rounded up", []Move{{Weight: share(1)}, {Weight: share(100)}, {Weight: share(101)}}, []int{1, 1, 2}},
		{"copies count", []Move{{Mirror: share(300)}, {Weight: share(100), Mirror: share(300)}}, []int{3, 4}},
		{"what runs is kept for the steps to come", []Move{{Mirror: share(300)}, {Weight: share(100)}, {Weight: share(400)}}, []int{3, 3, 4}},
		{"a floor is kept and outgrown", []Move{{Capacity: two}, {Weight: share(100)}, {Weight: share(500)}}, []int{2, 2, 5}},
		{"matches may claim everything, whatever was asked before", []Move{{Capacity: two}, {Matches: match}}, []int{2, 10}},
		{"who names a capacity for the matches knows them", []Move{{Matches: match, Capacity: two}, {Hold: 1}}, []int{2, 2}},
		{"until there are others", []Move{{Matches: match, Capacity: two}, {Matches: match}}, []int{2, 10}},
		{"and is kept after them", []Move{{Matches: match}, {Matches: []plan.Match{}, Weight: share(100)}}, []int{10, 10}},
		{"an end of matches does not end copies", []Move{{Matches: match, Mirror: share(300)}, {Matches: []plan.Match{}}}, []int{10, 10}},
	} {
		d := draft()
		d.Moves, d.Target.Replicas = c.moves, 10
		for i := range d.Moves {
			d.Moves[i].Origin = at
		}
		p, notes := Compile(d, "v1", machine)
		if notes.Err() {
			t.Errorf("%s: %v", c.reason, notes)
			continue
		}
		for i, want := range c.want {
			canary, _ := p.Steps[i+1].Desired.Track(plan.Canary)
			if got := canary.Capacity.Of(10); got != want {
				t.Errorf("%s: step %d has %d replicas, want %d", c.reason, i+1, got, want)
			}
		}
	}
}

func TestCompileDoesNotTouchItsDraft(t *testing.T) {
	for _, strategy := range Strategies() {
		d := draft()
		d.Strategy = strategy
		for i := range d.Moves {
			d.Moves[i].Weight = nil
		}
		before := draft()
		before.Strategy, before.Moves = strategy, append([]Move(nil), d.Moves...)
		Compile(d, "v1", machine)
		if !reflect.DeepEqual(d, before) {
			t.Errorf("strategy %s changed the draft", strategy)
		}
	}
}

// The order of passes is a table with reasons: any order that obeys them gives the same plan, and any other is refused.
func TestPassesShuffled(t *testing.T) {
	want, _ := Compile(draft(), "v1", machine)
	dice := rand.New(rand.NewPCG(1, 2))
	obeyed, refused := 0, 0
	for range 3000 {
		order := append([]pass(nil), passes...)
		swaps := 1 + dice.IntN(3)
		for range swaps {
			i, j := dice.IntN(len(order)), dice.IntN(len(order))
			order[i], order[j] = order[j], order[i]
		}
		err := checkOrder(order)
		got, notes := compileIn(order, draft(), "v1", machine)
		if err != nil {
			refused++
			if !notes.Err() || !strings.Contains(notes.String(), "order passes") {
				t.Fatalf("order refused with %v was run: %v", err, notes)
			}
			continue
		}
		obeyed++
		if notes.Err() || !reflect.DeepEqual(got, want) {
			t.Fatalf("an order that obeys its rules gave another plan:\n%v\n%+v", notes, got)
		}
	}
	if obeyed < 100 || refused < 100 {
		t.Errorf("the dice showed %d good and %d bad orders, too few to say anything", obeyed, refused)
	}
}

func TestOrderNeedsEveryPassOnce(t *testing.T) {
	missing := append([]pass(nil), passes[:len(passes)-1]...)
	doubled := append(append([]pass(nil), passes...), passes[0])
	for want, order := range map[string][]pass{"is missing": missing, "runs twice": doubled} {
		if err := checkOrder(order); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

// Each invariant is broken once on purpose and has to notice it: a checker that lets everything through checks nothing.
func TestInvariantsNotice(t *testing.T) {
	everything := map[string]bool{}
	for _, p := range passes {
		everything[p.name] = true
	}
	for _, c := range []struct {
		text  string
		spoil func(w *work)
	}{
		{"step 0 is stable alone", func(w *work) { w.steps[0].Desired.Traffic.Shares[plan.Stable] = 999 }},
		{"shares are from 0 to 100 %", func(w *work) { w.steps[1].Desired.Traffic.Shares[plan.Stable]-- }},
		{"shares are from 0 to 100 %", func(w *work) { w.steps[1].Desired.Traffic.Mirror = &plan.Mirror{Track: plan.Canary, Share: 1001} }},
		{"requests go to tracks that exist", func(w *work) {
			w.steps[1].Desired.Traffic.Matches = []plan.Match{{Track: plan.Baseline}}
		}},
		{"the canary's share does not fall", func(w *work) {
			w.steps[1].Desired.Traffic.Shares = plan.Shares{plan.Stable: 400, plan.Canary: 600}
		}},
		{"every track can carry its share", func(w *work) { w.steps[3].Desired.Tracks[1].Capacity = plan.Capacity{Replicas: 1} }},
		{"the last step is the new revision alone", func(w *work) { w.steps[len(w.steps)-1].Desired.Tracks[0].Revision = "v1" }},
		{"a pool runs one revision", func(w *work) { w.steps[1].Desired.Tracks[1].Pool = w.steps[1].Desired.Tracks[0].Pool }},
		{"a step rolls back to where", func(w *work) { w.steps[2].Rollback = 1 }},
		{"a step rolls back to where", func(w *work) { w.steps[2].Rollback = 2 }},
		{"gates wait for analyses", func(w *work) { w.steps[1].Until = []plan.Gate{plan.Passed{Analysis: "nobody"}} }},
		{"every step has a name", func(w *work) { w.steps[1].Name = "" }},
		{"every step has a place", func(w *work) { w.steps[1].Origin = plan.Origin{} }},
	} {
		w := &work{draft: draft(), stable: "v1", canary: "v2", can: machine}
		for _, p := range passes {
			p.run(w)
		}
		if w.check(everything, "all"); w.notes.Err() {
			t.Fatalf("the plan was broken before: %v", w.notes)
		}
		c.spoil(w)
		w.check(everything, "all")
		if !strings.Contains(w.notes.String(), c.text) {
			t.Errorf("spoiled so that not %q, noted %q", c.text, w.notes)
		}
	}
}

// Whatever moves a dialect reads: either a note tells why not, or the plan obeys all rules, which Compile itself checks
// after every pass; here it is asked that refusals are about the user's words and never about a broken rule.
func TestRandomDraftsNeverBreakARule(t *testing.T) {
	dice := rand.New(rand.NewPCG(3, 4))
	compiled := 0
	for range 5000 {
		d := randomDraft(dice)
		can := machine
		if dice.IntN(3) == 0 {
			can.Workload = plan.Features{plan.Scaling}
		}
		p, notes := Compile(d, "v1", can)
		if strings.Contains(notes.String(), "breaks a rule") {
			t.Fatalf("%v\n%+v", notes, d.Moves)
		}
		if notes.Err() {
			continue
		}
		compiled++
		for i, s := range p.Steps {
			full := d.Target.Replicas
			for _, track := range s.Desired.Tracks {
				need := plan.Capacity{Share: s.Desired.Traffic.Shares[track.Name]}
				if track.Capacity.Of(full) < need.Of(full) {
					t.Fatalf("step %d: %s has %d replicas for %v of the requests", i, track.Name, track.Capacity.Of(full), need.Share)
				}
			}
		}
	}
	if compiled < 1000 {
		t.Errorf("only %d of 5000 drafts compiled", compiled)
	}
}

// randomDraft makes moves whose weights rise, since a dialect refuses all else.
func randomDraft(dice *rand.Rand) Draft {
	d := draft()
	d.Moves = nil
	d.Strategy = Strategies()[dice.IntN(len(Strategies()))]
	d.Target.Replicas = 1 + dice.IntN(20)
	if dice.IntN(3) == 0 {
		d.Sticky = &plan.Sticky{Cookie: "track"}
	}
	weight := 0
	for i := range dice.IntN(6) {
		m := Move{Origin: word(d.Origin, "spec.steps"), Hold: time.Duration(dice.IntN(3)) * time.Minute}
		if dice.IntN(2) == 0 {
			weight += dice.IntN(1001 - weight)
			m.Weight = share(plan.Share(weight))
		}
		if i == 0 && d.Strategy == Mirror || dice.IntN(4) == 0 {
			m.Mirror = share(plan.Share(dice.IntN(1001)))
		}
		if i == 0 && d.Strategy == Matched || dice.IntN(4) == 0 {
			m.Matches = []plan.Match{{Headers: []plan.Condition{{Name: "X", How: plan.Present}}, Track: plan.Canary}}[:dice.IntN(2)]
		}
		if dice.IntN(5) == 0 {
			m.Capacity = &plan.Capacity{Share: plan.Share(1 + dice.IntN(1000))}
		}
		d.Moves = append(d.Moves, m)
	}
	return d
}

func TestBriefDurations(t *testing.T) {
	for d, want := range map[time.Duration]string{
		2 * time.Minute: "2m", time.Hour: "1h", 90 * time.Second: "1m30s", 10 * time.Hour: "10h",
		time.Hour + time.Second: "1h0m1s", 20 * time.Second: "20s", 500 * time.Millisecond: "500ms", 100 * time.Minute: "1h40m",
	} {
		if got := brief(d); got != want {
			t.Errorf("brief(%v) = %s, want %s", d, got, want)
		}
	}
}
