package plan

// An Outcome is one of five answers of a judge. Ignorance has names of its own, so that it is never taken for either
// a pass or a failure.
type Outcome string

const (
	// Hold: there is data, and it does not yet decide.
	Hold Outcome = "hold"
	// Pass: the canary is shown not to be harmful; leave to promote.
	Pass Outcome = "pass"
	// Fail: the canary is shown to be worse than tolerated; roll back.
	Fail Outcome = "fail"
	// Insufficient: measuring works, but too few requests have been seen to say anything.
	Insufficient Outcome = "insufficient"
	// Unavailable: measuring does not work.
	Unavailable Outcome = "unavailable"
)

// A Verdict is what a judge says at one look, with everything needed to explain it.
type Verdict struct {
	Outcome  Outcome   `json:"verdict"`
	Evidence float64   `json:"evidence"` // on the scale of Limit
	Limit    float64   `json:"limit"`    // the first Fail has Evidence >= Limit
	Reason   string    `json:"reason"`   // in plain words, with numbers
	Metrics  []Finding `json:"metrics"`
}

// A Finding is the part of a verdict that speaks about one metric.
type Finding struct {
	Name     string              `json:"name"`
	Evidence float64             `json:"evidence"`
	Effect   float64             `json:"effect"`          // canary over stable; 1 is no difference
	Low      float64             `json:"low"`             // always-valid interval of the effect
	High     float64             `json:"high"`            //
	Limit    float64             `json:"limit,omitempty"` // the effect that is still tolerated; 0 where no effect is compared
	Stable   float64             `json:"stable"`          // the metric on stable, in Unit
	Canary   float64             `json:"canary"`          // the metric on the canary, in Unit
	Unit     string              `json:"unit,omitempty"`  // "ratio", "seconds" or Reading
	N        map[TrackName]int64 `json:"n"`               // requests seen per track; of unit Reading, measurements
	Outcome  Outcome             `json:"verdict"`
	Needs    int64               `json:"needs,omitempty"` // about how many more canary requests decide; 0 when unknown
}

// Reading is the unit of a finding about an answer to the user's own query, whatever its own unit may be.
const Reading = "reading"
