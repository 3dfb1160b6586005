// Package process is the workload of one machine: a revision's replicas are local processes, without root and without
// another server. It serves the stand-alone releaser.
//
// A replica gets a free port on 127.0.0.1 (the variable PORT, and $(PORT) in its command and environment), a process
// group of its own, and a log file that it writes to itself, so that it lives on when serin is killed. The next serin on
// the same directory adopts it: a record written before the start and completed after it holds pid, start time and
// boot; a process that does not fit its record is never signalled. No shell is ever involved, and of serin's own
// environment only PATH, HOME, TMPDIR, LANG and TZ are handed on.
//
// A replica is ready when its health answers (HTTP 2xx or a TCP connection); one that stops answering leaves Endpoints
// but is not killed, since only the process itself knows whether it is stuck or busy. One that ends is started again
// under a new instance name, so that its counters are never taken for those of the last one, after a wait that doubles
// from restart.backoff's first to its last value and is forgotten once a replica has served for as long as the last.
//
// Files under Env.Dir: lock (one serin at a time), sequence (the last instance number handed out), instances/*.json
// (one record per replica), logs/*.log and *.log.1 (each kept to about 1 MiB by copying and truncating, which loses
// what is written between the two). Records hold no environment and no command, for these may hold secrets.
//
// Errors: Apply refuses templates, pools and numbers that cannot be run; everything that happens later to a replica
// is told by Pool.Trouble.
//
// Limits: 1000 replicas per pool. Linux is what is tested; elsewhere on Unix the start time comes from ps(1) and a process
// whose start was not yet recorded when serin was killed cannot be found again. Windows has no process groups and
// is not supported.
package process
