// Package prometheustest runs the real Prometheus for tests: those of the metric store, of replay, and of the whole program. The
// environment variable SERIN_PROMETHEUS names the program; `make test` builds it (e2e/cluster, part prometheus). Without it the tests
// that need it are skipped, loudly.
//
// Nothing here has a deadline that a busy machine could miss: a server takes a port that is free when it binds it, and tests wait for
// what Prometheus has read and not for time to pass.
package prometheustest
