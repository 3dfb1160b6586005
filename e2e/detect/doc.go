// Detect releases good and bad versions of podinfo with `serin run`, and counts how many of either kind were promoted.
//
// It is the benchmark of internal/judge/detect without the model: real processes, the embedded proxy, real requests on loopback, looks of
// the proxy's counters or of what the instances themselves export, the judge of an empty settings file. Holds are short and a
// look is taken each half second, so that a hundred releases fit into a quarter of an hour. Several applications are
// released at the same time by one serin; which of their releases are bad is drawn, so that nothing learns the order.
//
// It ends with 1 where a good version was rolled back or a bad one promoted, beyond what the judge's budgets allow.
package main
