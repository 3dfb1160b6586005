package plan

import "slices"

// A Feature is something a router or workload can do. Features are data: back ends declare them, the compiler checks
// them, documentation is made from them.
type Feature string

// What routers can do.
const (
	Weights       Feature = "weights"       // split by share
	Fine          Feature = "fine"          // shares to 0.1 %; without it, whole per cent
	Headers       Feature = "headers"       // match on headers
	Cookies       Feature = "cookies"       // match on cookies
	Paths         Feature = "paths"         // match on the URL path
	Mirroring     Feature = "mirroring"     // copy requests
	Stickying     Feature = "sticky"        // keep users on their track, by a cookie
	Draining      Feature = "draining"      // tells when requests under way are done
	FineMirroring Feature = "fineMirroring" // copy parts to 0.1 %; without it, whole per cent
	StickyHeaders Feature = "stickyHeaders" // keep users by a header of theirs as well
	Instances     Feature = "instances"     // the share of a track is that of its ready instances: weight is bought with capacity
	Counted       Feature = "counted"       // the share of a track is its part of the endpoints that stand: as near as whole instances allow
)

// What workloads can do.
const (
	Scaling  Feature = "scaling"  // capacity can be bought; without it a track has all it will ever have
	Renaming Feature = "renaming" // promotion renames: a canary's instances become stable's
	Yielding Feature = "yielding" // stable can give capacity away while a release goes on
	Fixed    Feature = "fixed"    // never more instances than the full size: a new one takes the place of an old one
)

// Features is a set of things a back end can do.
type Features []Feature

// Has reports whether the set contains the feature.
func (f Features) Has(want Feature) bool { return slices.Contains(f, want) }
