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
// # Treatment of the unusual
//
//   - A gap, a missing track, and a look with broken content (negative or absurd counts, more failures than requests, buckets
//     that fall or exceed requests, bounds that do not ascend, time that does not rise, a weight outside 0 to 100) is a missed
//     scrape, with the reason. Three in a row: unavailable. None of them can pass, or fail for the first time.
//   - A new pod of a known track is left out for one look. When all pods of a track are new they are left out once.
//   - A look in which the weight moved is left out; of a steady ramp every second is kept, and bet on with tolerances widened
//     by the swing of the odds (block.swing), which is exact.
//   - Scarce traffic is pooled up to a minute. No traffic is insufficient: never a pass, never a fail.
//   - Buckets are compared on the bounds all pods share. When an arm has none for three looks, latency is unavailable and holds
//     back the pass; where no buckets were ever seen, latency is not judged and the finding says so.
//   - While the oldest canary pod is younger than 30 s, latency alone cannot fail the release. Younger pods beside older ones
//     are not timed.
//   - A fail is final. A pass is not: it is withdrawn when later looks speak against it.
//
// Units: seconds, requests, rates per request. Intervals of effects are always valid at 95 %, between a hundredth and a
// hundredfold. Sources: those of package bet; Vovk, Wang (arXiv 1912.06116) for averaging.
package sequential
