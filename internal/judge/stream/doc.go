// Package stream speaks JSON lines with a judge, as `serin judge` does: one look per line in, one verdict per line out,
// any number of interleaved releases. Every line is answered, and the answer flushed, before the next is read.
//
// A line that is not a look (broken JSON, wrong types, fractions of requests, longer than LineMost) is answered by
// {"error":"line 7: ..."} and changes no release; the stream goes on. A look that is well-formed but cannot be believed is
// judged a missed scrape by the judge itself. Unknown fields are passed over, so that a look may carry more than is judged.
//
// A look may carry answers to the users' own queries, as {"readings":{"a":{"value":0.97}}} or short {"values":{"a":0.97}}, for the
// judges condition and threshold.
//
// With kind kayenta a line is not a look but a whole judgement, {"id":..,"canaryConfig":{..},"metricSetPairList":[..],
// "scoreThresholds":{"pass":95,"marginal":75}}, the body of Kayenta's remote judge with an id. It is answered by the id and
// Kayenta's CanaryJudgeResult, or by {"id":..,"error":".."} where Kayenta would refuse; lines of up to PairsMost bytes are read.
//
// The same input gives the same output bit for bit, and releases do not influence each other.
package stream
