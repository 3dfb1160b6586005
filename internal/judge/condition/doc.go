// Package condition judges by the users' own conditions on the answers to their own queries, as an AnalysisRun of Argo
// Rollouts does. Requests and failures are not looked at; a look brings answers as Readings, by the metric's name.
//
//	kind: condition
//	metrics:
//	- name: success-rate
//	  success: result[0] >= 0.95      # what must hold for a good measurement; and / or
//	  failure: result[0] < 0.80       # what must not
//	  interval: 1m                    # between two measurements; without it there is one
//	  initialDelay: 30s               # before the first
//	  count: 10                       # measurements that give a value; without it, or 0: no end, or one without interval
//	  failureLimit: 0                 # so many may fail; -1: any number
//	  inconclusiveLimit: 0            # so many may neither succeed nor fail
//	  consecutiveErrorLimit: 4        # so many in a row may have no answer
//	  successLimit: 0                 # so many good ones in a row are enough; 0: they are not (Argo's consecutiveSuccessLimit)
//	  dryRun: false                   # measured and told, and decides nothing
//	errors: hold                      # or fail: a metric without answers sends the release back, as in Argo
//
// Each reading is a measurement. One without an answer, or on which a condition cannot be worked out, is an error: it does not
// count towards `count`. With success alone what is not good has failed, with failure alone what has not failed is good, with
// both there is a third thing, inconclusive, and with none every answer is good.
//
// A metric has failed with more than failureLimit failed measurements, is inconclusive with more than inconclusiveLimit, and
// without answers with more than consecutiveErrorLimit errors in a row; of these the later in this list wins. Otherwise
// successLimit good ones in a row end it well. At its count it ends: inconclusive where there are a failureLimit and a
// successLimit, failed where there is the latter alone, well otherwise. What has ended takes no more readings; only one
// without answers goes on (unless errors: fail) and recovers with the next.
//
// The release: the worst of its metrics decides, failed before without answers before inconclusive before running. They are
// fail, unavailable, insufficient and hold. It passes when every metric has ended well, dry runs ended at all, and those
// without an end have just been good. What nobody has measured yet is insufficient.
//
// Conditions are written in expr (github.com/expr-lang/expr) over `result`: a number, a list of numbers, or whatever JSON the
// store answers. Beside most of the language's own functions there are Argo's asInt, asFloat, isNaN, isInf, isNil and default; the
// last two look at their argument, not always at `result` as in Argo. There is no now(): the same looks give the same verdicts.
// Conditions of 2,000 characters, readings of 64 KiB and 5,000 steps of work are what a measurement may cost.
//
// Evidence counts failed measurements of the metric that is nearest to its failureLimit, and limit is the first number that
// fails. Looks of history (t <= 0) are answered insufficient. A reading that comes before its interval is over is passed over.
//
// Source: documentation of Argo Rollouts, analysis and analysis specification.
package condition
