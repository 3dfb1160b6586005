package kayenta

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
)

// steady is a series of n values around a level.
func steady(level float64, n int) Series {
	s := make(Series, n)
	for i := range s {
		s[i] = Number(level + float64(i%7) - 3)
	}
	return s
}

func mustRead(t *testing.T, text string) Config {
	t.Helper()
	c, err := ReadConfig([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const one = `{"metrics":[{"name":"m","groups":["g"]}],"classifier":{"groupWeights":{"g":100}}}`

func TestWhatKayentaRefusesIsRefused(t *testing.T) {
	good := []Pair{{Name: "m", Values: PairValues{Control: steady(10, 20), Experiment: steady(10, 20)}}}
	limits := Thresholds{Pass: 95, Marginal: 75}
	for _, c := range []struct {
		reason, config string
		pairs          []Pair
		thresholds     Thresholds
		want           string
	}{
		{"another judge", `{"judge":{"name":"dredd-v1.0"},"classifier":{}}`, nil, limits, `judge.name: no judge "dredd-v1.0"`},
		{"no classifier", `{"metrics":[{"name":"m"}]}`, good, limits, "classifier: is missing"},
		{"a weight that is not a number", `{"classifier":{"groupWeights":{"g":"Infinity"}}}`, nil, limits, "classifier.groupWeights.g"},
		{"weights beyond all numbers", `{"metrics":[{"name":"m","groups":["g","h"]}],"classifier":{"groupWeights":{"g":1e308,"h":1e308,"i":-1e308}}}`, good, limits,
			"add up to no number"},
		{"a pair without its metric", `{"metrics":[],"classifier":{}}`, good, limits, `metricSetPairList[0]: the canary config has no metric "m"`},
		{"no pass threshold", one, good, Thresholds{Pass: math.NaN(), Marginal: 1}, "pass: is missing"},
		{"no marginal threshold", one, good, Thresholds{Pass: 1, Marginal: math.NaN()}, "marginal: is missing"},
		{"no experiment", one, []Pair{{Name: "m", Values: PairValues{Control: Series{}}}}, limits, "values.experiment: is missing"},
		{"no control", one, []Pair{{Name: "m", Values: PairValues{Experiment: Series{}}}}, limits, "values.control: is missing"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			_, err := Judge(mustRead(t, c.config), c.pairs, c.thresholds)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("judge: %v, want %s", err, c.want)
			}
		})
	}
}

func TestOddInputIsJudgedAsKayentaDoes(t *testing.T) {
	nan, inf := Number(math.NaN()), Number(math.Inf(1))
	many := steady(10, 30)
	for _, c := range []struct {
		reason, options     string
		control, experiment Series
		class               string
		score               float64
		label               string
	}{
		{"sides of different length", `{}`, steady(10, 14), steady(10, 49), ClassPass, 100, ScorePass},
		{"an infinity widens the interval to nothing", `{}`, many, append(Series{inf}, many[1:]...), ClassPass, 100, ScorePass},
		{"infinities only", `{}`, many, Series{inf, inf, inf, inf}, ClassPass, 100, ScorePass},
		{"one value a side says nothing", `{}`, Series{1}, Series{9}, ClassError, 100, ScorePass},
		{"two constants are told apart by noise", `{}`, Series{1, 1, 1, 1, 1}, Series{9, 9, 9, 9, 9}, ClassHigh, 0, ScoreFail},
		{"the same in another order", `{}`, Series{1, 2, 3}, Series{3, 1, 2}, ClassPass, 100, ScorePass},
		{"no data", `{}`, many, Series{nan, nan}, ClassNodata, 0, ScoreFail},
		{"no data where it is asked for", `{"mustHaveData":true}`, many, Series{}, ClassNodataFailMetric, 0, ScoreFail},
		{"no data, replaced: mustHaveData and critical are deaf", `{"mustHaveData":true,"critical":true,"nanStrategy":"replace"}`, many, Series{}, ClassPass, 100, ScorePass},
		{"muted is reported and not scored", `{"muted":true}`, many, steady(90, 30), ClassHigh, 0, ScoreFail},
		{"an unknown word is the default", `{"direction":"sideways","effectSize":{"measure":"guess"}}`, many, steady(90, 30), ClassHigh, 0, ScoreFail},
		{"only a fall matters", `{"direction":"decrease"}`, many, steady(90, 30), ClassPass, 100, ScorePass},
		{"flags and numbers may be texts", `{"critical":"true","effectSize":{"allowedIncrease":"99.5"}}`, many, steady(90, 30), ClassPass, 100, ScorePass},
	} {
		t.Run(c.reason, func(t *testing.T) {
			config := mustRead(t, fmt.Sprintf(`{"metrics":[{"name":"m","groups":["g"],"analysisConfigurations":{"canary":%s}}],"classifier":{}}`, c.options))
			pairs := []Pair{{Name: "m", Values: PairValues{Control: c.control, Experiment: c.experiment}}}
			var texts []string
			for range 2 {
				r, err := Judge(config, pairs, Thresholds{Pass: 95, Marginal: 75})
				if err != nil {
					t.Fatal(err)
				}
				if got := r.Results[0].Classification; got != c.class || float64(r.Score.Score) != c.score || r.Score.Classification != c.label {
					t.Errorf("%s, %v, %s; want %s, %v, %s", got, r.Score.Score, r.Score.Classification, c.class, c.score, c.label)
				}
				text, err := json.Marshal(r)
				if err != nil {
					t.Fatal(err)
				}
				texts = append(texts, string(text))
			}
			if texts[0] != texts[1] {
				t.Errorf("two judgements of the same data differ:\n%s\n%s", texts[0], texts[1])
			}
		})
	}
}

func TestWeightsNeedNotAddUp(t *testing.T) {
	for _, c := range []struct {
		reason, weights string
		want            float64
		label           string
	}{
		{"a weight without a metric is lost", `{"a":40,"nobody":60}`, 40, ScoreFail},
		{"above 100", `{"a":80,"b":80}`, 160, ScorePass},
		{"the rest is shared", `{"a":40}`, 100, ScorePass},
		{"the rest may be less than nothing", `{"a":140}`, 100, ScorePass},
		{"halves are rounded up", `{"a":33.335,"b":0}`, 33.34, ScoreFail},
		{"weights may be texts", `{"a":"50","b":"25"}`, 75, ScoreMarginal},
	} {
		t.Run(c.reason, func(t *testing.T) {
			config := mustRead(t, `{"metrics":[{"name":"x","groups":["a"]},{"name":"y","groups":["b"]}],"classifier":{"groupWeights":`+c.weights+`}}`)
			same := PairValues{Control: steady(5, 9), Experiment: steady(5, 9)}
			r, err := Judge(config, []Pair{{Name: "x", Values: same}, {Name: "y", Values: same}}, Thresholds{Pass: 95, Marginal: 75})
			if err != nil {
				t.Fatal(err)
			}
			if float64(r.Score.Score) != c.want || r.Score.Classification != c.label {
				t.Errorf("%v %s, want %v %s", r.Score.Score, r.Score.Classification, c.want, c.label)
			}
		})
	}
}

func TestAnEmptyListIsAnsweredByEmptyLists(t *testing.T) {
	r, err := Judge(mustRead(t, one), nil, Thresholds{Pass: 95, Marginal: 75})
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"judgeName":"NetflixACAJudge-v1.0","results":[],"groupScores":[],"score":{"score":0,"classification":"Fail","classificationReason":""}}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAnErrorIsWrittenAsKayentaWritesIt(t *testing.T) {
	pairs := []Pair{{Name: "m", ID: "1", Tags: map[string]string{}, Values: PairValues{Control: Series{1}, Experiment: Series{Number(math.Inf(1))}}}}
	r, err := Judge(mustRead(t, one), pairs, Thresholds{Pass: 95, Marginal: 75})
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(r.Results[0])
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"name":"m","tags":{},"id":"1","classification":"Error","classificationReason":"Metric Classification Failed","groups":["g"],` +
		`"experimentMetadata":{"stats":{"min":"Infinity","max":"Infinity","mean":"NaN","std":0,"count":1}},` +
		`"controlMetadata":{"stats":{"min":1,"max":1,"mean":1,"std":0,"count":1}},"critical":false,"muted":false}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestDecisionOverSeveralJudgements(t *testing.T) {
	none := math.NaN()
	for _, c := range []struct {
		reason string
		scores []float64
		t      Thresholds
		want   Decision
	}{
		{"no scores", nil, Thresholds{95, 75}, Decision{false, "No canary scores were computed."}},
		{"no thresholds", []float64{0}, Thresholds{none, none}, Decision{true, "No score thresholds were specified."}},
		{"marginal itself fails", []float64{99, 75}, Thresholds{95, 75}, Decision{false, "Final canary score 75.0 is not above the marginal score threshold."}},
		{"no pass threshold", []float64{76}, Thresholds{none, 75}, Decision{true, "No pass score threshold was specified."}},
		{"between", []float64{94.99}, Thresholds{95, 75}, Decision{false, "Final canary score 94.99 is below the pass score threshold."}},
		{"pass itself passes", []float64{10, 95}, Thresholds{95, 75}, Decision{true, "Final canary score 95.0 met or exceeded the pass score threshold."}},
	} {
		if got := Decide(c.scores, c.t); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.reason, got, c.want)
		}
	}
	if !Stops(75, Thresholds{95, 75}) || Stops(75.01, Thresholds{95, 75}) || Stops(0, Thresholds{95, none}) {
		t.Error("an analysis stops at the marginal threshold, and only where there is one")
	}
}
