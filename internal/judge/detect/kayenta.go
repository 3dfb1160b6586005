package detect

import (
	"math"

	"serin.dev/serin/internal/judge/kayenta"
	"serin.dev/serin/internal/plan"
)

// aca is Kayenta's judge over a window that grows, asked every five minutes (six times sooner than its own advice) about points of
// 15 s of the canary and of a baseline of the same size: per cent of requests that failed, and p99 in milliseconds where
// the family has a limit for it. A score of 75 or less rolls back.
type aca struct {
	forgetful
	f      *Family
	config kayenta.Config
	points [2]Total // of the canary and the baseline, not yet complete
	pairs  []kayenta.Pair
}

const (
	pointEvery = 15.0
	judgeEvery = 300.0
	acaConfig  = `{"classifier": {"groupWeights": {}}, "metrics": [
		{"name": "failed", "groups": ["all"], "analysisConfigurations": {"canary": {"direction": "increase"}}},
		{"name": "p99", "groups": ["all"], "analysisConfigurations": {"canary": {"direction": "increase"}}}]}`
)

func acaJudge() (func(*Family) Policy, error) {
	config, err := kayenta.ReadConfig([]byte(acaConfig))
	if err != nil {
		return nil, err
	}
	return func(f *Family) Policy {
		p := &aca{f: f, config: config, pairs: []kayenta.Pair{{Name: "failed"}}}
		if f.Slow != nil && f.Slow.Limit > 0 {
			p.pairs = append(p.pairs, kayenta.Pair{Name: "p99"})
		}
		for i := range p.pairs {
			p.pairs[i].Values = kayenta.PairValues{Control: kayenta.Series{}, Experiment: kayenta.Series{}}
		}
		return p
	}, nil
}

func (p *aca) See(s Scene) plan.Outcome {
	p.points[0].join(s.Canary)
	p.points[1].join(s.Baseline)
	t := s.Look.T
	if math.Floor(t/pointEvery) > math.Floor((t-p.f.Every)/pointEvery) {
		p.close()
	}
	if math.Floor(t/judgeEvery) == math.Floor((t-p.f.Every)/judgeEvery) {
		return plan.Hold
	}
	thresholds := kayenta.Thresholds{Pass: 95, Marginal: 75}
	result, err := kayenta.Judge(p.config, p.pairs, thresholds)
	return failIf(err != nil || kayenta.Stops(float64(result.Score.Score), thresholds))
}

// close writes the points down and begins the next.
func (p *aca) close() {
	for side := range p.points {
		point := &p.points[side]
		for i := range p.pairs {
			series, value := &p.pairs[i].Values.Experiment, 100*point.X/point.N
			if side == 1 {
				series = &p.pairs[i].Values.Control
			}
			if i == 1 {
				value = 1000 * point.quantile(0.99, p.f.Slow.Bounds)
			}
			if point.N == 0 {
				value = math.NaN()
			}
			*series = append(*series, kayenta.Number(value))
		}
		point.empty()
	}
}
