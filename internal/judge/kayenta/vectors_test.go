package kayenta

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"serin.dev/serin/internal/judge/kayenta/query"
)

// A vector is one case of testdata/README.md.
type vector struct {
	ID        string          `json:"id"`
	Kind      string          `json:"kind"`
	Title     string          `json:"title"`
	Provider  string          `json:"provider"`
	Input     json.RawMessage `json:"input"`
	Params    json.RawMessage `json:"params"`
	Expect    map[string]any  `json:"expect"`
	Tolerance json.RawMessage `json:"tolerance"`
	Computed  map[string]any  `json:"computed"` // what another implementation got
	Random    string          `json:"nondeterministic"`
}

// runners answer a vector with all the fields its kind may expect; an error is the field "error".
var runners = map[string]func(vector) (any, error){
	"normal_quantile":           runQuantile,
	"standardized_statistic":    runStatistic,
	"u_test":                    runTest,
	"u_test_intermediate":       runTest,
	"classify":                  runClassify,
	"mean_inequality":           runMeans,
	"weighted_sum_score":        runScore,
	"judge":                     runJudge,
	"summary":                   runSummary,
	"percentile_r7":             runPercentile,
	"mean_ratio":                runEffects,
	"cles":                      runEffects,
	"cohens_d":                  runEffects,
	"remove_nan":                runNaN,
	"replace_nan":               runNaN,
	"iqr_outliers":              runOutliers,
	"ksigma_outliers":           runOutliers,
	"gaussian_noise_statistics": runNoise,
	"mix_metric_sets":           runMix,
	"fill_sparse":               runSparse,
	"merge_chunks":              runChunks,
	"analysis_windows":          runWindows,
	"aggregate_scores":          runScores,
	"build_query":               runQuery,
}

func TestVectors(t *testing.T) {
	dirs := []string{"testdata"}
	if more := os.Getenv("SERIN_KAYENTA_VECTORS"); more != "" {
		dirs = append(dirs, more)
	}
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no vectors in %s: %v", dir, err)
		}
		for _, file := range files {
			for _, v := range readVectors(t, file) {
				t.Run(v.Kind+"/"+v.ID, func(t *testing.T) { v.check(t) })
			}
		}
	}
}

func readVectors(t *testing.T, file string) []vector {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Cases []vector }
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if len(all.Cases) == 0 {
		t.Fatalf("%s holds no cases", file)
	}
	return all.Cases
}

func (v vector) check(t *testing.T) {
	run, known := runners[v.Kind]
	if !known {
		t.Fatalf("%s: nothing runs vectors of kind %q", v.Title, v.Kind)
	}
	got, err := run(v)
	_, refused := v.Expect["error"]
	switch {
	case refused && err == nil:
		t.Fatalf("%s: not refused; got %v", v.Title, got)
	case refused:
		return
	case err != nil:
		t.Fatalf("%s: %v", v.Title, err)
	}
	data, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(data, &answer); err != nil {
		t.Fatal(err)
	}
	for _, name := range sorted(v.Expect) {
		for _, d := range v.differ(name, v.Expect[name], answer[name]) {
			t.Errorf("%s: %s", v.Title, d)
		}
	}
	if v.Random != "" {
		return
	}
	v.Tolerance = json.RawMessage("1e-6")
	for _, name := range sorted(v.Computed) {
		if want, there := v.Computed[name], answer[name]; want != nil && there != nil {
			for _, d := range v.differ(name, want, there) {
				t.Errorf("%s: computed %s", v.Title, d)
			}
		}
	}
}

// differ compares what was expected at a path with what is there. Null and absent are the same.
func (v vector) differ(path string, want, got any) []string {
	switch w := want.(type) {
	case map[string]any:
		g, _ := got.(map[string]any)
		var all []string
		for _, name := range sorted(w) {
			all = append(all, v.differ(path+"."+name, w[name], g[name])...)
		}
		return all
	case []any:
		g, ok := got.([]any)
		if !ok && got != nil || len(g) != len(w) {
			return []string{fmt.Sprintf("%s: %d values, want %d: %v", path, len(g), len(w), got)}
		}
		var all []string
		for i := range w {
			all = append(all, v.differ(fmt.Sprintf("%s[%d]", path, i), w[i], g[i])...)
		}
		return all
	case float64:
		if g, ok := got.(float64); ok && math.Abs(g-w) <= v.tolerance(path) {
			return nil
		}
	default:
		if got == want {
			return nil
		}
	}
	return []string{fmt.Sprintf("%s: %v, want %v", path, got, want)}
}

// tolerance is the one that is given for a part of the path, or for all.
func (v vector) tolerance(path string) float64 {
	var all float64
	if json.Unmarshal(v.Tolerance, &all) == nil {
		return all
	}
	var some map[string]float64
	if json.Unmarshal(v.Tolerance, &some) != nil {
		return 0
	}
	for _, name := range sorted(some) {
		for part := range strings.SplitSeq(strings.ToLower(path), ".") {
			if strings.Contains(part, strings.ToLower(name)) {
				return some[name]
			}
		}
	}
	return 0
}

func read[T any](data json.RawMessage) (T, error) {
	var into T
	if len(data) == 0 {
		return into, nil
	}
	err := json.Unmarshal(data, &into)
	return into, err
}

// samples are the inputs of most kinds.
type samples struct {
	Name                string
	Experiment, Control Series
	ConfidenceLevel     float64
	Values              Series
}

func series(f []float64) Series {
	s := make(Series, len(f))
	for i, v := range f {
		s[i] = Number(v)
	}
	return s
}

func runQuantile(v vector) (any, error) {
	in, err := read[samples](v.Input)
	return map[string]any{"value": quantile(in.ConfidenceLevel)}, err
}

func runStatistic(v vector) (any, error) {
	in, err := read[struct {
		X, Y        Series
		Evaluations []struct{ Mu, Quantile float64 }
	}](v.Input)
	if err != nil {
		return nil, err
	}
	s := newShift(in.X.floats(), in.Y.floats())
	var values Series
	for _, e := range in.Evaluations {
		f, err := s.statistic(e.Mu, e.Quantile)
		if err != nil {
			return nil, err
		}
		values = append(values, Number(f))
	}
	return map[string]any{"values": values}, nil
}

func runTest(v vector) (any, error) {
	in, err := read[samples](v.Input)
	if err != nil {
		return nil, err
	}
	if in.ConfidenceLevel == 0 {
		in.ConfidenceLevel = 0.95
	}
	i, err := uTest(in.Experiment.floats(), in.Control.floats(), in.ConfidenceLevel)
	s := newShift(in.Experiment.floats(), in.Control.floats())
	z := -quantile(in.ConfidenceLevel)
	at := func(mu, z float64) Number {
		f, _ := s.statistic(mu, z)
		return Number(f)
	}
	return map[string]any{
		"confidenceInterval": Series{Number(i.low), Number(i.high)}, "estimate": Number(i.estimate),
		"muMin": Number(s.least), "muMax": Number(s.most), "searchLimits": Series{Number(s.least), Number(s.most)},
		"zLower": z, "zUpper": -z, "z": []float64{z, -z},
		"fMuMin": Series{at(s.least, z), at(s.least, -z)}, "fMuMax": Series{at(s.most, z), at(s.most, -z)},
	}, err
}

func runClassify(v vector) (any, error) {
	in, err := read[samples](v.Input)
	if err != nil {
		return nil, err
	}
	how, err := read[struct{ Tolerance, ConfidenceLevel float64 }](v.Params)
	if err != nil {
		return nil, err
	}
	o, err := Metric{AnalysisConfigurations: map[string]json.RawMessage{"canary": v.Params}}.Options()
	if err != nil {
		return nil, err
	}
	c := classify(in.Name, in.Experiment.floats(), in.Control.floats(), o, how.Tolerance, how.ConfidenceLevel)
	out := map[string]any{"classification": c.label, "critical": c.critical, "reason": c.reason, "reasonPresent": c.reason != ""}
	if c.ratio != nil {
		out["deviation"] = Number(*c.ratio)
	}
	if c.test != nil {
		out["confidenceInterval"], out["estimate"], out["bound"] = c.test.ConfidenceInterval, c.test.Estimate, c.test.Bound
		out["effectSize"] = c.test.EffectSize
	}
	return out, nil
}

func runMeans(v vector) (any, error) {
	in, err := read[samples](v.Input)
	if err != nil {
		return nil, err
	}
	o, err := Metric{AnalysisConfigurations: map[string]json.RawMessage{"canary": v.Params}}.Options()
	return map[string]any{"classification": compareMeans(in.Experiment.floats(), in.Control.floats(), o)}, err
}

func runScore(v vector) (any, error) {
	in, err := read[struct {
		GroupWeights map[string]Number
		Results      []Analysis
	}](v.Input)
	s := score(in.Results, in.GroupWeights)
	groups := []float64{}
	for _, g := range s.groups {
		groups = append(groups, g.score())
	}
	slices.Sort(groups)
	return map[string]any{"score": s.score, "groupScoresSorted": groups, "reason": s.reason}, err
}

func runJudge(v vector) (any, error) {
	in, err := read[struct {
		CanaryConfig      json.RawMessage
		MetricSetPairList []Pair
		ScoreThresholds   Thresholds
	}](v.Input)
	if err != nil {
		return nil, err
	}
	c, err := ReadConfig(in.CanaryConfig)
	if err != nil {
		return nil, err
	}
	r, err := Judge(c, in.MetricSetPairList, in.ScoreThresholds)
	if err != nil {
		return nil, err
	}
	groups := slices.SortedFunc(slices.Values(r.GroupScores), func(a, b GroupScore) int { return strings.Compare(a.Name, b.Name) })
	var results []map[string]any
	for _, a := range r.Results {
		one := map[string]any{
			"name": a.Name, "classification": a.Classification, "critical": a.Critical, "muted": a.Muted, "groups": a.Groups,
			"experimentStats": a.ExperimentMetadata.Stats, "controlStats": a.ControlMetadata.Stats, "ratio": a.ResultMetadata.Ratio,
		}
		if a.ClassificationReason != "" {
			one["classificationReason"] = a.ClassificationReason
		}
		if a.Test != nil {
			one["test"] = a.Test
		}
		results = append(results, one)
	}
	return map[string]any{
		"score": r.Score.Score, "classification": r.Score.Classification, "classificationReason": r.Score.ClassificationReason,
		"groupScores": groups, "results": results,
	}, nil
}

func runSummary(v vector) (any, error) {
	in, err := read[samples](v.Input)
	return summarize(in.Values.floats()), err
}

func runPercentile(v vector) (any, error) {
	in, err := read[struct {
		Values Series
		P      []float64
	}](v.Input)
	var result Series
	for _, p := range in.P {
		result = append(result, Number(percentile(ordered(in.Values.floats()), p)))
	}
	return map[string]any{"result": result}, err
}

func runEffects(v vector) (any, error) {
	in, err := read[samples](v.Input)
	e, c := in.Experiment.floats(), in.Control.floats()
	return map[string]any{"ratio": Number(meanRatio(e, c)), "cles": Number(cles(e, c)), "d": Number(cohensD(e, c))}, err
}

func runNaN(v vector) (any, error) {
	in, err := read[struct {
		Values      Series
		Replacement float64
	}](v.Input)
	values := removeNaN(in.Values.floats())
	if v.Kind == "replace_nan" {
		values = replaceNaN(in.Values.floats(), in.Replacement)
	}
	return map[string]any{"values": series(values)}, err
}

func runOutliers(v vector) (any, error) {
	in, err := read[struct {
		Values            Series
		Factor, K         float64
		ReduceSensitivity bool
	}](v.Input)
	marked := outliers(in.Values.floats(), in.Factor, in.ReduceSensitivity)
	if v.Kind == "ksigma_outliers" {
		marked = strays(in.Values.floats(), in.K)
	}
	return map[string]any{"outlier": marked, "kept": series(drop(in.Values.floats(), marked))}, err
}

func runNoise(v vector) (any, error) {
	in, err := read[struct {
		Values      Series
		Mean, Stdev float64
	}](v.Input)
	got := noisy(rand.New(rand.NewPCG(1, 2)), in.Values.floats(), in.Mean, in.Stdev)
	s := summarize(got)
	return map[string]any{"length": s.Count, "count": s.Count, "mean": s.Mean, "std": s.Std, "stdev": s.Std}, err
}

func runMix(v vector) (any, error) {
	in, err := read[struct {
		Metrics             []string
		Control, Experiment []MetricSet
	}](v.Input)
	if err != nil {
		return nil, err
	}
	var metrics []Metric
	for _, name := range in.Metrics {
		metrics = append(metrics, Metric{Name: name})
	}
	pairs, err := Mix(metrics, in.Control, in.Experiment)
	return map[string]any{"pairs": pairs}, err
}

func runSparse(v vector) (any, error) {
	in, err := read[struct {
		StartMillis, EndMillis       *int64
		IntervalSeconds, StepSeconds int64
		Points                       [][2]Number
	}](v.Input)
	if err != nil {
		return nil, err
	}
	var points []Point
	for _, p := range in.Points {
		points = append(points, Point{int64(p[0]), p[1]})
	}
	if in.StartMillis != nil {
		values, err := FillSparse(points, *in.StartMillis, *in.EndMillis, 1000*in.IntervalSeconds)
		return map[string]any{"values": values}, err
	}
	values, err := FillSparse(points, points[0].Time, points[len(points)-1].Time, in.StepSeconds)
	return map[string]any{"values": values}, err
}

func runChunks(v vector) (any, error) {
	in, err := read[struct {
		Step   int64
		Chunks []Chunk
	}](v.Input)
	if err != nil {
		return nil, err
	}
	values, err := MergeChunks(in.Step, in.Chunks)
	return map[string]any{"values": values}, err
}

func runWindows(v vector) (any, error) {
	in, err := read[struct {
		StartMin, EndMin                                                                         *int64
		LifetimeMins, BeginAfterMins, IntervalMins, LookbackMins, BaselineOffsetMins, Judgements int64
	}](v.Input)
	if err != nil {
		return nil, err
	}
	zero := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	minutes := func(n int64) time.Duration { return time.Duration(n) * time.Minute }
	s := Schedule{
		Lifetime: minutes(in.LifetimeMins), BeginAfter: minutes(in.BeginAfterMins), Interval: minutes(in.IntervalMins),
		Lookback: minutes(in.LookbackMins), BaselineOffset: minutes(in.BaselineOffsetMins),
	}
	if in.StartMin != nil {
		s.Start = zero.Add(minutes(*in.StartMin))
	}
	if in.EndMin != nil {
		s.End = zero.Add(minutes(*in.EndMin))
	}
	if in.Judgements > 0 && s.Lifetime == 0 {
		s.Lifetime = minutes(in.Judgements * in.IntervalMins) // the case looks at so many, and does not say how long it goes on
	}
	table, err := Windows(s, zero)
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	since := func(at time.Time) float64 { return at.Sub(zero).Minutes() }
	var windows [][2]float64
	stages := []string{}
	if table.Warmup > 0 {
		stages = append(stages, "wait")
		out["warmupWaitSeconds"] = table.Warmup.Seconds()
	}
	for i, r := range table.Runs {
		if r.Wait > 0 {
			stages = append(stages, "wait")
			out["intervalWaitSeconds"] = r.Wait.Seconds()
		}
		stages = append(stages, "runCanary")
		if in.Judgements == 0 || i < int(in.Judgements) {
			windows = append(windows, [2]float64{since(r.Experiment.Start), since(r.Experiment.End)})
		}
	}
	out["windowsMin"], out["stages"] = windows, stages
	out["controlStartMin"], out["experimentStartMin"] = since(table.Runs[0].Control.Start), since(table.Runs[0].Experiment.Start)
	return out, nil
}

func runScores(v vector) (any, error) {
	in, err := read[struct {
		Scores     []float64
		Thresholds Thresholds
	}](v.Input)
	return map[string]any{"passed": Passed(in.Scores, in.Thresholds)}, err
}

func runQuery(v vector) (any, error) {
	in, err := read[struct {
		Templates                              map[string]string
		Scope, Location, ScopeKey, LocationKey string
		ScopeLabel, Project, ProjectID         string
		DefaultScopeKey, DefaultLocationKey    string
		Start, End                             any
		Step                                   int64
		ExtendedScopeParams                    query.Params
	}](v.Input)
	if err != nil {
		return nil, err
	}
	r := query.Request{Query: v.Input, Templates: in.Templates,
		Scope: query.Scope{Scope: in.Scope, Location: in.Location, Step: time.Duration(in.Step) * time.Second, Extended: in.ExtendedScopeParams},
		Account: query.Account{ScopeLabel: in.ScopeLabel, Project: in.Project,
			DefaultScopeKey: in.DefaultScopeKey, DefaultLocationKey: in.DefaultLocationKey},
	}
	for name, value := range map[string]string{"_scope_key": in.ScopeKey, "_location_key": in.LocationKey, "project": in.Project + in.ProjectID} {
		if value != "" && r.Scope.Extended.Get(name) == "" {
			r.Scope.Extended = append(r.Scope.Extended, query.Param{Name: name, Value: value})
		}
	}
	if r.Scope.Start, err = when(in.Start); err != nil {
		return nil, err
	}
	if r.Scope.End, err = when(in.End); err != nil {
		return nil, err
	}
	q, err := query.BuildQuery(v.Provider, r)
	return map[string]any{"query": q, "program": q}, err
}

// when reads epoch seconds or an ISO text.
func when(at any) (time.Time, error) {
	switch at := at.(type) {
	case float64:
		return time.Unix(int64(at), 0), nil
	case string:
		return time.Parse(time.RFC3339, at)
	}
	return time.Time{}, nil
}
