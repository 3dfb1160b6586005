// Package sequential is the native judge: it may be asked after every scrape and still rolls back a release within its
// tolerances with a probability of at most budget.falseRollback, over all metrics and all looks of that release.
//
// A look (package judge) is read into two arms, canary and stable; the arms are compared by fair bets (package bet)
// whose wealth is the evidence. One budget covers all metrics: the weighted average of their wealth is again fair
// under every dependence between them. The release fails when it reaches limit = 1/falseRollback. It passes when, for
// every metric, the evidence against harm reaches 1/falsePromotion.
//
// What is learned from looks decides only how the next ones are bet on, so bets stay fair:
//
//   - history and release alike teach how far stable's failures come in bursts (noise.burst) and how much its pods differ
//     for good (spread). Bursts temper the bets, lasting differences widen the tolerance to what they explain. Without
//     history both are learned during the release, and a release of a bursty or uneven service may fail by mistake before;
//   - the size of bets uses estimates of stable's rate; a wrong estimate costs power, never validity.
//
// # What is compared
//
//   - Failures: counts of all pods, of pods that failed at all where failures come in bursts, and of every canary pod by itself.
//     Where looks tell kinds of requests apart (Tally.Strata), kind by kind: the factors of a look are multiplied, so another mix
//     of routes is no regression. Leave to promote is judged on all kinds together, for one that is harmful must not hide.
//   - Latency: shares beyond bucket bounds, each by itself and as a whole distribution (package bet, Slower). What is tolerated
//     between bounds is drawn from stable's own curve (curve.slowed).
//   - Traffic: a canary that hangs completes nothing (silence). It stakes from the second silent look of a row on. One that loses a
//     part of its requests answers less than it did before at the same weight (ebb). What is counted does not tell it from users
//     who were led elsewhere, so that holds the release and never fails it.
//   - Restarts: over the seconds that pods were up. They have no stake until one is seen.
//   - Sums and gauges that the settings name. Sums can fail a release; a raised gauge holds it and never fails it.
//   - An objective, where there is one.
//
// # Ownership
//
// A state belongs to one release and to one caller at a time; Look and Weigh change it in place. The looks handed in are not kept.
// A verdict of Look is the caller's for good. Weigh decides without taking memory; Explain puts its last answer into words, in the
// memory of the verdict it is handed, which is the caller's as well.
//
// # Treatment of the unusual
//
//   - A gap, a missing track, and a look with broken content (negative or absurd counts, more failures than requests, buckets
//     that fall or exceed requests, bounds that do not ascend, levels and totals that are not numbers, time that does not rise: a
//     look that comes twice or too late, a weight outside 0 to 100) is a missed scrape, with the reason. Three in a row:
//     unavailable. None of them can pass, or fail for the first time. So is a counter that went back, where it shows as a
//     negative count; one that shows as a look without requests is no evidence of silence.
//   - A new pod of a known track is left out for one look. When all pods of a track are new they are left out once.
//   - A look in which the weight moved is left out; of a steady ramp every second is kept, and bet on with tolerances widened
//     by the swing of the odds (block.swing), which is exact. Silence is listened for from ten seconds after the weight moved.
//     What the canary's share was before is forgotten whenever the weight moves, and when pods come or can be read no more.
//   - Scarce traffic is pooled up to a minute. No traffic is insufficient: never a pass, never a fail, unless stable is served
//     and the canary, which should be, is silent.
//   - Buckets are compared on the bounds all pods share. When an arm has none for three looks, latency is unavailable and holds
//     back the pass; where no buckets were ever seen, latency is not judged and the finding says so.
//   - Kinds of requests that do not add up to a pod's requests and failures are not told apart in that block.
//   - Totals beyond what the events of a sum can have are passed over; three looks in a row: that sum is unavailable.
//   - While the oldest canary pod is younger than 30 s and its body is slower than stable's, latency alone cannot fail the
//     release. Younger pods beside older ones are not timed. A tail of a few slow requests is no sign of a cold pod.
//   - A process that stalls makes many requests slow at once. Until stable's latency was watched for long enough to know how often
//     pods stall, a look adds little to the evidence against latency, however much it holds (latency.most).
//   - A fail is final. A pass is not: it is withdrawn when later looks speak against it.
//
// Units: seconds, requests, rates per request. Intervals of effects are always valid at 95 %, between a hundredth and a
// hundredfold. Sources: those of package bet; Vovk, Wang (arXiv 1912.06116) for averaging.
package sequential
