// Package proxy is the embedded router: an HTTP reverse proxy inside serin's own process, one listener per target.
//
// It serves numbers 6 and 9 of the walk in ARCHITECTURE.md, for stand-alone releases, and counts what the judges read.
//
// # Routing
//
// Every target has one immutable table behind an atomic pointer (table.go). A request takes the first match that
// claims it, else its sticky bucket, else a random draw over thousandths; then the less busy of two instances of that
// track (pick.go). A table is swapped as a whole, so an order holds for all requests or for none, and Observe never
// has anything pending.
//
// # No request is lost
//
// A request is sent again only when no backend can have seen it: the connection was refused or never came about, or an
// idle connection turned out to be closed before anything was written to it. While a track has nobody to answer, its
// requests wait (Settings.Patience) in a bounded queue. A canary that cannot be reached gives its requests to stable;
// stable never gives to a canary, whose capacity was not bought for it. An instance that left the table is reported busy
// until its last request is done, and its connections are closed when the drain time is over, websockets with a close
// frame ("going away") where the stream allows it.
//
// # Counting
//
// Each attempt on an instance is one request of that instance; a request that found canary's door shut and was answered
// by stable is a failure of canary and a success of stable. Failures are answers of 500 and above, gRPC statuses that
// mean a fault of the server, broken or refused connections, and answers that did not begin in time. Latency is the time
// from the choice of the instance to the first byte of its answer, so that a slow client or a long stream does not look like a
// slow version. A client that went away before the answer is neither a success nor a failure; it is counted apart, and
// where it had waited for a second or more also as a slow request, since otherwise a version that hangs would look
// like one that nobody asks.
//
// # What the proxy says itself
//
// Every answer made here and not by a backend carries the header Serin-Error (fail.go). A backend cannot set it.
//
// Units: durations are Go durations ("10s"), sizes are bytes, latencies in counters are seconds.
//
// Sources: RFC 9110 (sections 7.6 and 9.2.2: hop-by-hop fields, what may be repeated), RFC 9112 (framing), RFC 7239
// (Forwarded), RFC 6455 (websockets), RFC 9113 (HTTP/2); Mitzenmacher, The Power of Two Choices in Randomized Load
// Balancing (IEEE TPDS 2001).
package proxy
