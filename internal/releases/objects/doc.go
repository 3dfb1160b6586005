// Package objects keeps releases on a cluster, as objects that any kubectl can read: a release is a Release, whose spec never
// changes; the record of a target lies in the status of the Canary that owns it (ADR 9). It serves numbers 4 and 9 of the walk
// in ARCHITECTURE.md.
//
// # Names
//
// A Canary is called "shop/checkout", its third release "shop/checkout-3": the Release checkout-3 in namespace shop, which
// belongs to the Canary and goes with it. A Canary's name has at most 63 characters, so a Release's name always fits.
//
// # Reading and writing
//
// Reads come from the client's cache (Cached says what it holds). What this process last wrote is served until the cache has
// it, so that a read after a write never goes back in time. A record is taken apart once a version, while somebody asks for it:
// in what is handed out, nothing below its lists and maps is to be changed. A write carries the version that was read; where
// another process was faster, the object is read again from the API server, the change is made again, once. Each call ends
// within 10 seconds.
//
// # Two objects, one change
//
// Begin makes the Release, then writes the record: a Release whose number the record has not reached has never begun, is not
// shown, and is taken over or replaced by the next Begin. Conclude writes the Release's status, then the record: where the
// second write is missing, the books are closed whenever the record is read, and stay so with its next write. A process may
// die between any two writes.
//
// # Sizes
//
// Records stand as JSON up to 32 KiB, beyond that compressed in one field. A status holds at most 200 lines of log and one
// checkpoint for each analysis. Measured with the sequential judge after half an hour, a full log and a hundred hooks:
//
//	pods on each side   checkpoint   status    at rest
//	 4                     17 kB      80 kB     12 kB
//	50                     81 kB     144 kB     26 kB
//	500                   705 kB     768 kB    167 kB
//
// The worst case is a record of 900 KiB compressed; a larger one is refused by name and nothing is written. etcd takes 1.5 MB.
// The record of a target is a few kB: at most 50 lines of history.
//
// What is read back is the same JSON, not the same bytes: the API server sorts the fields of settings and templates.
package objects
