// Package kayenta judges as Kayenta does: NetflixACAJudge-v1.0, with its pairing of series, its windows and its decision over
// several judgements. The same canary config and the same series give the same classes, scores and reasons.
//
// In order of use:
//
//   - ReadConfig reads a canary config; what it does not know is kept and written back. Validate checks it for saving.
//   - query.BuildQuery says what to ask a metric store, FillSparse and MergeChunks make series of what it answers.
//   - Mix pairs the series of control and experiment. Windows says when to judge which window.
//   - Judge compares the pairs and scores the canary. Decide decides over several scores.
//   - New makes all of it a judge of releases; `serin judge` with kind kayenta judges line by line.
//
// # One metric
//
// Each side is prepared on its own: missing values (NaN) are dropped, or 0 where nanStrategy is replace; outliers are kept, or
// dropped beyond outlierFactor (3) times the distance of the quartiles and beyond the first and last percentile. Nothing is
// aligned by time, so the sides may differ in length. Then the first of these rules decides:
//
//  1. A side is empty: Nodata; NodataFailMetric where mustHaveData and not critical; Pass where nanStrategy is replace.
//  2. Both hold the same values, in any order, or a single one: Pass.
//  3. The 98 % interval of the shift (Mann-Whitney, normal approximation at every size) clears a quarter of the estimated
//     shift, in a direction that matters, and the effect (ratio of means, or cles) reaches its limit: High or Low.
//  4. Otherwise Pass. What cannot be computed is Error.
//
// The roots that make the interval are found with an absolute tolerance of 1e-4, and so near steps of a step function that
// they carry that error: rates below about 0.01 are judged on it. That is part of Kayenta's verdicts and reproduced here to
// better than 1e-6, tested against numbers of its own tests (testdata). A critical metric that is High or Low beyond its
// critical limits, or Nodata, fails the canary alone.
//
// Infinities are values like others. They widen the interval until nothing clears it. A null in a series is refused, as by
// Kayenta; write "NaN".
//
// # The score
//
// A group scores the share of its metrics that pass; Nodata and Error count neither way, and a group without any other counts
// as 100. Half of the metrics without data fail the canary. The score is the sum of the groups by weight; groups without
// a weight share what the others leave of 100. Weights need not add up: the weight of a group without metrics is lost.
//
// # Where it differs
//
//   - Two sides that are each constant are told apart by noise of a hundred thousandth of the values. Kayenta draws it anew
//     each time; here the generator's seed is fixed, so the same data give the same answer bit for bit.
//   - One value on each side is always Error; Kayenta's noise lets it come out otherwise by chance.
//   - Results carry `test`, beside Kayenta's fields: interval, estimate, bound and effect size that decided.
//   - Thresholds are not cut to whole numbers on their way through the pipeline engine, as Orca does (94.99 became 94).
//   - RemoteJudge-v1.0 and the test dummy dredd-v1.0 are refused by name.
//   - Probabilities (cles) of more than 32,000 values a side do not overflow.
//
// # A release
//
//	kind: kayenta
//	config: {...}                        # the canary config; its metrics are asked by their names
//	thresholds: {pass: 95, marginal: 75} # those in the config judge nothing, in Kayenta neither
//	interval: 5m                         # between judgements
//	lifetime: 1h                         # a judgement at the end of each whole interval in it
//	lookback: 0                          # 0: all since the analysis began; else so much before each judgement
//
// These are the defaults, config apart. A look brings answers as Readings, by the metric's name: {"control":[..],
// "experiment":[..],"startTimeMillis":..,"stepMillis":..,"tags":{}} or a list of these, for the time since the analysis
// began. When an interval is over (a tenth of it early is in time) and every metric has been read, it judges; until then it
// holds, and is unavailable while an answer is missing. A score at or below marginal fails at once. After the last judgement
// the score must reach pass; the earlier ones do not count. That is Kayenta's rule; mind its two meanings of marginal: a
// score that equals it is labelled Marginal, and ends the analysis.
//
// Evidence is what the score lacks of 100, and limit how much it may lack: 100-marginal on the way, 100-pass at the end. The
// rule carries no bound on errors, and looking often makes false alarms likelier; sequential does not have that flaw. In the
// findings effect is the ratio of means, and low to high the 98 % interval of the shift in one judgement, as a ratio to the
// baseline's mean. Looks of history (t <= 0) are answered insufficient.
//
// Sources: spinnaker/kayenta at a69573be (2025-04-08): kayenta-judge, kayenta-mannwhitney, kayenta-core; spinnaker/orca at
// 2fdb327a: orca-kayenta; R's wilcox.test and zeroin; Brent, Algorithms for Minimization without Derivatives (1973).
package kayenta
