package kayenta

import (
	"encoding/json"
	"math"
)

// Thresholds part good scores from bad ones. NaN is a threshold that was not given.
type Thresholds struct {
	Pass     float64
	Marginal float64
}

// UnmarshalJSON reads {"pass":95,"marginal":75}; a missing one becomes NaN, and numbers may be texts.
func (t *Thresholds) UnmarshalJSON(data []byte) error {
	var given struct{ Pass, Marginal *Number }
	if err := json.Unmarshal(data, &given); err != nil {
		return err
	}
	*t = Thresholds{Pass: math.NaN(), Marginal: math.NaN()}
	set(&t.Pass, given.Pass)
	set(&t.Marginal, given.Marginal)
	return nil
}

// MarshalJSON leaves out what was not given.
func (t Thresholds) MarshalJSON() ([]byte, error) {
	var given struct {
		Pass     *float64 `json:"pass,omitempty"`
		Marginal *float64 `json:"marginal,omitempty"`
	}
	if !math.IsNaN(t.Pass) {
		given.Pass = &t.Pass
	}
	if !math.IsNaN(t.Marginal) {
		given.Marginal = &t.Marginal
	}
	return json.Marshal(given)
}

// label is the word for a score. Thresholds that were not given let no score through.
func (t Thresholds) label(score float64) string {
	switch {
	case score >= t.Pass:
		return ScorePass
	case score >= t.Marginal:
		return ScoreMarginal
	}
	return ScoreFail
}

// A Decision is the outcome of an analysis of several judgements, with Kayenta's reason.
type Decision struct {
	Passed  bool
	Message string
}

// Stops says whether an analysis ends, failed, with this score, whatever comes after it. Mind the two meanings of marginal:
// the judge labels a score that equals it Marginal, the analysis stops on it.
func Stops(score float64, t Thresholds) bool { return score <= t.Marginal }

// Passed decides over several judgements, by the last score alone.
func Passed(scores []float64, t Thresholds) bool { return Decide(scores, t).Passed }

// Decide is Passed with its reason.
func Decide(scores []float64, t Thresholds) Decision {
	if len(scores) == 0 {
		return Decision{Message: "No canary scores were computed."}
	}
	last := scores[len(scores)-1]
	score := decimal(last)
	switch {
	case math.IsNaN(t.Pass) && math.IsNaN(t.Marginal):
		return Decision{true, "No score thresholds were specified."}
	case last <= t.Marginal:
		return Decision{false, "Final canary score " + score + " is not above the marginal score threshold."}
	case math.IsNaN(t.Pass):
		return Decision{true, "No pass score threshold was specified."}
	case !(last >= t.Pass):
		return Decision{false, "Final canary score " + score + " is below the pass score threshold."}
	}
	return Decision{true, "Final canary score " + score + " met or exceeded the pass score threshold."}
}

// decimal writes a score as Java writes a double: 95 is 95.0.
func decimal(score float64) string {
	text, err := json.Marshal(Number(score))
	if err != nil {
		return "NaN"
	}
	if score == math.Trunc(score) && math.Abs(score) < 1e7 {
		return string(text) + ".0"
	}
	return string(text)
}
