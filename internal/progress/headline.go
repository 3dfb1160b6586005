package progress

import (
	"fmt"
	"strings"

	"serin.dev/serin/internal/plan"
)

// doing tells in a few words what a release is at.
func doing(f Facts) string {
	at := f.Position
	switch at.Phase {
	case "":
		return "starting"
	case plan.RollingBack:
		return "rolling back"
	case plan.Succeeded:
		return "promoted"
	case plan.Returned:
		return "rolled back"
	case plan.Superseded:
		return "superseded"
	}
	where := where(f)
	if at.Arrived.IsZero() {
		return "on the way to " + where
	}
	w := at.Waiting
	if w == nil {
		return "holding at " + where
	}
	words := map[string]string{
		"readiness": "recovering", "route": "recovering", "drain": "recovering",
		"verdict": "waiting for proof", "data": "waiting for data", "approval": "waiting for approval", "person": "paused",
	}
	if word, ok := words[w.For]; ok {
		return word + " at " + where
	}
	return "holding at " + where
}

// where tells the step by the canary's share, which people think in, or by what it is about.
func where(f Facts) string {
	step := f.Position.Step
	switch share := f.Plan.Steps[step].Desired.Traffic.Shares[plan.Canary]; {
	case step == len(f.Plan.Steps)-1:
		return string(f.Plan.Canary) + " as stable"
	case step >= f.Plan.Promotion:
		return "promotion"
	case share > 0:
		return share.String()
	}
	return f.Plan.Steps[step].Name
}

// headline tells all that matters in one or two sentences.
func headline(f Facts, r Release) string {
	if r.Phase.Over() || r.Phase == plan.RollingBack {
		return parting(f, r)
	}
	w := r.Waiting
	if w == nil {
		return sentence(r.Doing + since(f))
	}
	return strings.TrimSpace(sentence(await(f, r, *w)) + " " + deadline(f, *w))
}

// await tells what is awaited since when. Since is the beginning of the wait; the state itself may be older.
func await(f Facts, r Release, w Waiting) string {
	when := " since " + Clock(w.Since, f.Now)
	switch {
	case w.For == "time":
		if m, ok := worst(r.Analyses); ok && m.Known() {
			return r.Doing + when + ": " + m.Summary()
		}
		return r.Doing + when
	case w.For == "approval":
		return "waiting for " + strings.TrimPrefix(w.Text, "waits for ") + " at " + where(f) + when
	case f.Position.Paused != nil && w.For == "person":
		text := r.Doing + " by " + f.Position.Paused.Actor + when
		if reason := f.Position.Paused.Reason; reason != "" {
			text += ": " + reason
		}
		return text
	}
	return r.Doing + when + ": " + w.Text
}

// since tells when the release came to where it is; nothing before anybody has touched it.
func since(f Facts) string {
	switch {
	case !f.Position.Arrived.IsZero():
		return " since " + Clock(f.Position.Arrived, f.Now)
	case !f.Position.Entered.IsZero():
		return " since " + Clock(f.Position.Entered, f.Now)
	}
	return ""
}

// deadline tells what happens next by itself, or that a person has to decide.
func deadline(f Facts, w Waiting) string {
	switch {
	case !w.Until.IsZero() && w.Then != "":
		return sentence(fmt.Sprintf("%s at %s", w.Then, Clock(w.Until, f.Now)))
	case w.Asked && w.EndBy != "":
		return "It waits for your decision: " + w.EndBy + "."
	case w.EndBy != "" && w.For == "person":
		return "Goes on with: " + w.EndBy + "."
	}
	return ""
}

// parting tells how a release ends or ended.
func parting(f Facts, r Release) string {
	why := ""
	if r.Failure != nil {
		why = r.Failure.Text
	}
	ended := Clock(r.Ended, f.Now)
	switch r.Phase {
	case plan.Succeeded:
		return sentence(fmt.Sprintf("promoted: %s is stable since %s, after %s", r.To, ended, Brief(r.Ended.Sub(r.Created))))
	case plan.Returned:
		return sentence(fmt.Sprintf("rolled back%s at %s: %s", home(r), ended, why))
	case plan.Superseded:
		return sentence(fmt.Sprintf("superseded at %s: %s", ended, why))
	}
	text := fmt.Sprintf("rolling back%s since %s: %s", home(r), Clock(r.Failure.At, f.Now), why)
	if r.Waiting != nil {
		return sentence(text) + " " + sentence(r.Waiting.Text)
	}
	return sentence(text)
}

// home tells what a release goes back to; a first release has nothing to go back to.
func home(r Release) string {
	if r.From == "" {
		return ""
	}
	return " to " + string(r.From)
}
