// Package loadtest sends requests to one address and tells what came of them, for `serin loadtest` and `serin demo`.
//
// With a rate the test is an open loop: requests are due at fixed times, whatever became of earlier ones, and a
// request that had to wait for a free worker is counted from when it was due. A server that stalls for a second then shows
// a second of bad latencies and not one bad request (Tene, How NOT to Measure Latency: "coordinated omission").
// Without a rate it is a closed loop: every worker sends its next request when the last one was answered, which finds out how
// much a server can take and says little about latency.
//
// What failed is told apart by who failed: answers of 500 and above made by a backend, answers made by serin's proxy (it
// marks them with the header Serin-Error), connections that broke, and requests without an answer in time. Redirects
// are answers, not instructions.
//
// Units: latencies are durations, in JSON seconds; rates are requests per second. Quantiles come from an HDR histogram
// with three significant digits.
package loadtest
