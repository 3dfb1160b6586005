// Command bench measures the embedded proxy against HAProxy and NGINX on this machine's loopback: the same backend, the
// same load (wrk), the three proxies one after the other in every round, so that what else happens on the machine hits
// all of them alike. `make bench-proxy` installs the three programs and runs it.
//
// All proxies run as processes of their own with as many threads as there are processors, all keep connections alive on
// both sides, and none logs requests. The figure to look at is the ratio, taken round by round; absolute numbers are those of
// the machine and include the load generator's and the backend's share of its processors. The processor time that the
// proxy itself took per request is shown beside it, since it is the ratio's pessimistic reading.
package main
