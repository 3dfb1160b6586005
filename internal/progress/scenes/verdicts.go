package scenes

import "serin.dev/serin/internal/plan"

func counts(stable, canary int64) map[plan.TrackName]int64 {
	return map[plan.TrackName]int64{plan.Stable: stable, plan.Canary: canary}
}

// early: the canary has hardly been seen; no interval is bounded yet.
func early() plan.Verdict {
	return plan.Verdict{Outcome: plan.Hold, Evidence: 0.9, Limit: 100, Reason: "nothing decided yet", Metrics: []plan.Finding{
		{Name: "failures", Outcome: plan.Hold, Unit: "ratio", Stable: 0.0021, Canary: 0, Effect: 0, Low: 0.01, High: 100, Limit: 1.1, Evidence: 0.9, N: counts(11840, 121), Needs: 2400},
		{Name: "latency", Outcome: plan.Hold, Unit: "seconds", Stable: 0.212, Canary: 0.22, Effect: 1.04, Low: 0.71, High: 1.6, Limit: 1.1, Evidence: 0.7, N: counts(11840, 121)},
	}}
}

// undecided: good so far, not yet shown to be harmless.
func undecided() plan.Verdict {
	reason := "nothing is wrong and not yet enough is known: about 2300 more requests of the canary decide"
	return plan.Verdict{Outcome: plan.Hold, Evidence: 1.4, Limit: 100, Reason: reason, Metrics: []plan.Finding{
		{Name: "failures", Outcome: plan.Hold, Unit: "ratio", Stable: 0.00412, Canary: 0.0046, Effect: 1.12, Low: 0.74, High: 1.71, Limit: 1.1, Evidence: 1.4, N: counts(91230, 22310), Needs: 2300},
		{Name: "latency", Outcome: plan.Pass, Unit: "seconds", Stable: 0.2117, Canary: 0.2185, Effect: 1.032, Low: 0.998, High: 1.07, Limit: 1.25, Evidence: 0.3, N: counts(91230, 22310)},
		{Name: "availability", Outcome: plan.Hold, Unit: "ratio", Stable: 0.9959, Canary: 0.9954, N: counts(91230, 22310)},
	}}
}

func scarce() plan.Verdict {
	return plan.Verdict{Outcome: plan.Insufficient, Limit: 100, Reason: "the canary has seen 3 requests; about 40 are needed to begin", Metrics: []plan.Finding{
		{Name: "failures", Outcome: plan.Insufficient, Unit: "ratio", Stable: 0.004, N: counts(310, 3), Limit: 1.1, Needs: 37},
		{Name: "latency", Outcome: plan.Insufficient, Unit: "seconds", Stable: 0.2, Canary: 0.19, N: counts(310, 3), Limit: 1.25, Needs: 37},
	}}
}

// harmful: failures have roughly doubled, and nobody can doubt it any more.
func harmful() plan.Verdict {
	return plan.Verdict{Outcome: plan.Fail, Evidence: 112.4, Limit: 100, Reason: "failures 2.1x stable [1.4..3.2], limit 1.1x", Metrics: []plan.Finding{
		{Name: "failures", Outcome: plan.Fail, Unit: "ratio", Stable: 0.0076, Canary: 0.016, Effect: 2.1, Low: 1.4, High: 3.2, Limit: 1.1, Evidence: 112.4, N: counts(18204, 4410)},
		{Name: "latency", Outcome: plan.Pass, Unit: "seconds", Stable: 0.212, Canary: 0.219, Effect: 1.03, Low: 0.96, High: 1.11, Limit: 1.25, Evidence: 0.2, N: counts(18204, 4410)},
	}}
}

func harmless() plan.Verdict {
	return plan.Verdict{Outcome: plan.Pass, Evidence: 0.02, Limit: 100, Reason: "shown to be harmless: failures 1.0x stable [0.84..1.2], latency 1.02x [0.99..1.05]", Metrics: []plan.Finding{
		{Name: "failures", Outcome: plan.Pass, Unit: "ratio", Stable: 0.0041, Canary: 0.0041, Effect: 1, Low: 0.84, High: 1.2, Limit: 1.1, Evidence: 0.02, N: counts(1204830, 410224)},
		{Name: "latency", Outcome: plan.Pass, Unit: "seconds", Stable: 0.212, Canary: 0.216, Effect: 1.02, Low: 0.99, High: 1.05, Limit: 1.25, Evidence: 0.01, N: counts(1204830, 410224)},
	}}
}
