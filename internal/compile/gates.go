package compile

import (
	"time"

	"serin.dev/serin/internal/plan"
)

// spans lets each analysis look from the first step at which the canary gets requests to the last before the end.
func (w *work) spans() {
	from, to := w.looked()
	if from == 0 {
		return
	}
	for _, a := range w.draft.Analyses {
		a.From, a.To = from, to
		if a.Every == 0 {
			a.Every = 5 * time.Second
		}
		w.analyses = append(w.analyses, a)
	}
}

// looked returns the first and the last step at which the canary gets requests beside the old revision, or 0, 0.
func (w *work) looked() (from, to int) {
	for i, s := range w.steps {
		if s.role != done && busy(s.Desired.Traffic) && s.Desired.Tracks[0].Revision == w.stable {
			if from == 0 {
				from = i
			}
			to = i
		}
	}
	return from, to
}

// busy reports whether the canary gets requests or copies of them.
func busy(t plan.Traffic) bool {
	return t.Shares[plan.Canary] > 0 || len(t.Matches) > 0 || t.Mirror != nil
}

// beside reports whether both revisions get requests at the step, so that they can be compared.
func beside(t plan.Traffic) bool { return busy(t) && t.Shares[plan.Stable] > 0 }

// gates writes what has to hold before each step is left: first time, then evidence, then people.
//
// Every move at which both revisions get requests waits at least until somebody is looking; the last of them waits for
// proof. Where one revision gets everything there is nothing to compare with, and a gate would only wait for a
// person: there time has to do, while evidence of failure still rolls back. So it is in a blue-green release, whose few
// visitors before the switch prove nothing.
func (w *work) gates() {
	proof := w.proofStep()
	for i := range w.steps {
		s := &w.steps[i]
		if s.role != moved {
			continue
		}
		if s.move.Hold > 0 {
			s.Until = append(s.Until, plan.After{Hold: s.move.Hold})
		}
		if s.move.Proven || beside(s.Desired.Traffic) && w.draft.Strategy != BlueGreen {
			s.Until = append(s.Until, w.passed(s.move.Proven || i == proof)...)
		}
		if s.move.Proven && len(w.analyses) == 0 {
			w.notes.Refuse(s.move.At("until"), "nothing can be proven: nothing is judged in this release")
		} else if s.move.Proven && !busy(s.Desired.Traffic) {
			w.notes.Refuse(s.move.At("until"), "nothing can be proven here: the canary gets no requests at this step")
		}
		if s.move.Approve != nil {
			s.Until = append(s.Until, *s.move.Approve)
		}
	}
	w.warn(proof)
}

// warn says where the release waits for less than its author may think.
func (w *work) warn(proof int) {
	for _, s := range w.steps {
		if s.role == moved && len(s.Until) == 0 && len(s.move.Hooks) == 0 && s.Origin.Field != w.strategyAt().Field {
			w.notes.Warn(s.Origin, "nothing holds this step: it is left as soon as it is reached; give it a hold, an approve or a judge")
		}
	}
	switch {
	case w.first():
	case len(w.draft.Analyses) > 0 && len(w.analyses) == 0:
		w.notes.Warn(w.strategyAt(), "nothing is judged: the canary gets no requests before it is promoted")
	case len(w.analyses) > 0 && proof == 0:
		w.notes.Warn(w.strategyAt(), "stable and canary do not get a share of the requests at the same time, so promotion waits for no proof; evidence of failure still rolls back")
	}
}

func (w *work) passed(proven bool) []plan.Gate {
	patience := w.draft.Patience
	if patience == 0 {
		patience = DefaultPatience
	}
	var gates []plan.Gate
	for _, a := range w.analyses {
		gates = append(gates, plan.Passed{Analysis: a.Name, Proven: proven, Within: patience})
	}
	return gates
}

// proofStep is the last move at which both revisions get requests; 0 when there is none.
func (w *work) proofStep() int {
	proof := 0
	for i, s := range w.steps {
		if s.role == moved && beside(s.Desired.Traffic) && (s.move.Proven || w.draft.Strategy != BlueGreen) {
			proof = i
		}
	}
	return proof
}
