package sequential

import (
	"fmt"

	"serin.dev/serin/internal/judge/sequential/bet"
)

// One bad instance hides among good ones: beside the bets on the whole canary each of its pods is bet on by itself. It is found
// sooner that way, and has a name.
const (
	aloneShare = 0.06 // of the stake of failures, on all pods together
	aloneFirst = 0.8  // of that on the pods that are there first, the rest waits for others
)

// Alternatives for a single pod; fewer, for it is not the small rises that one pod has alone.
func aloneKappas() [4]float64 { return [4]float64{4, 16, 64, 256} }

// playAlone lets every pod of the canary be bet on against all of stable. The bet is made for the pod with most requests, which
// is no advantage for the others: what the proof of Worse asks of the multipliers grows with requests.
func (f *failures) playAlone(r *rules, seen sight, pods *roster, tolerate float64) {
	if seen.stable.n == 0 || seen.canary.busy() < 2 {
		return
	}
	f.enlist(r, seen.canary, pods)
	most := 0.0
	for i := range seen.canary.pods {
		most = max(most, seen.canary.pods[i].n)
	}
	c := bet.Pair{NC: most, NB: seen.stable.n, XB: seen.stable.x}
	m := bet.Margin{Ratio: max(tolerate, explained(f.Spread, 1, seen.stable.busy())), Plus: r.Failures.Plus}
	burst, guess := f.Noise.burst(), f.Rate.rate()
	var none, each [4]float64
	for j, kappa := range aloneKappas() {
		c.XC = 0
		none[j] = bet.WorseInBursts(c, m, kappa, guess, burst)
		c.XC = 1
		each[j] = bet.WorseInBursts(c, m, kappa, guess, burst) - none[j]
	}
	f.Single = 0
	for i := range seen.canary.pods {
		a := &seen.canary.pods[i]
		held := &pods.Pods[a.pod].Bets
		if a.n > 0 && len(held.Bets) > 0 {
			f.logs = f.logs[:0]
			for j := range none {
				f.logs = append(f.logs, none[j]+a.x*each[j])
			}
			held.Play(f.logs, r.even, seen.from, seen.t)
		}
	}
	f.Single = pods.held()
}

// enlist gives pods that are new a stake.
func (f *failures) enlist(r *rules, canary *arm, pods *roster) {
	if !f.Listed {
		f.Listed = true
		f.Alone = aloneShare * f.Counts.Value()
		f.Counts.Scale(1 - aloneShare)
	}
	fresh := 0.0
	for i := range canary.pods {
		if len(pods.Pods[canary.pods[i].pod].Bets.Bets) == 0 {
			fresh++
		}
	}
	if fresh == 0 {
		return
	}
	give := aloneFirst * f.Alone
	f.Alone -= give
	for i := range canary.pods {
		if p := &pods.Pods[canary.pods[i].pod]; len(p.Bets.Bets) == 0 {
			p.Bets.Stake(give/fresh, r.even)
		}
	}
}

// held is what the bets on single pods are worth.
func (r *roster) held() (sum float64) {
	for i := range r.Pods {
		sum += r.Pods[i].Bets.Value()
	}
	return sum
}

// bury takes back what is held by pods that were forgotten.
func (f *failures) bury(pods *roster) {
	if left := pods.held(); left < f.Single {
		f.Alone += f.Single - left
		f.Single = left
	}
}

// culprit names the pod that the evidence is about; none when it is about them all.
func (s *state) culprit() string {
	var worst *pod
	for i := range s.Canary.Pods {
		if p := &s.Canary.Pods[i]; worst == nil || p.Bets.Value() > worst.Bets.Value() {
			worst = p
		}
	}
	if worst != nil && worst.Bets.Value() > s.Fail.value()/2 {
		return fmt.Sprintf("pod %s fails %.0f of %.0f requests", worst.Name, worst.X, worst.N)
	}
	if name, x, n := s.Canary.worst(); name != "" {
		return fmt.Sprintf("pod %s fails %.0f of %.0f requests, most of all", name, x, n)
	}
	return ""
}
