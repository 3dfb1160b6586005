package plan

import "time"

// A Pool is what was seen running of one revision (or on one track, see PoolName).
type Pool struct {
	Name      PoolName   `json:"name"`
	Revision  Revision   `json:"revision"`          // what it is asked to run
	Wanted    int        `json:"wanted"`            // replicas it is asked to have
	Ready     int        `json:"ready"`             // replicas that can serve, of whichever revision
	Updated   int        `json:"updated"`           // of these, replicas of Revision
	Running   int        `json:"running"`           // replicas that exist in any state, including those that are leaving
	Endpoints []Endpoint `json:"endpoints"`         // where requests may be sent: ready and not leaving
	Service   string     `json:"service,omitempty"` // the name by which routers that go by name reach it; empty where there is none
	Trouble   string     `json:"trouble,omitempty"` // why replicas are not ready, with the last output; empty when all is well
}

// An Endpoint is an instance that answers requests.
type Endpoint struct {
	Instance string `json:"instance"` // unique while it lives, for instance "checkout-v2-0.17": a replaced instance has a new name
	URL      string `json:"url"`      // "http://127.0.0.1:40001"
}

// A Route is what was seen of the traffic.
type Route struct {
	// Traffic is what the data plane is known to do now.
	Traffic Traffic `json:"traffic"`
	// Pools says which pool stands behind a track. A missing track stands for the pool of its own name.
	Pools map[TrackName]PoolName `json:"pools,omitempty"`
	// Pending says why an order is not yet acknowledged; empty when Traffic is all there is.
	// While it is not empty requests may still follow either the old or the new order.
	Pending string `json:"pending,omitempty"`
	// Since is when the data plane began to do Traffic, where the router keeps that on record; zero: it does not.
	Since time.Time `json:"since,omitzero"`
	// Busy counts requests under way per instance, of all instances the router still sends to or still waits for.
	// An instance in it must not be stopped. Nil where the router cannot tell.
	Busy map[string]int `json:"busy,omitempty"`
}

// Pool returns the pool behind a track.
func (r Route) Pool(t TrackName) PoolName {
	if name, ok := r.Pools[t]; ok {
		return name
	}
	return PoolName(t)
}

// Shares returns the part of the traffic that each pool gets.
func (r Route) Shares() map[PoolName]Share {
	shares := map[PoolName]Share{}
	for t, s := range r.Traffic.Shares {
		if s > 0 {
			shares[r.Pool(t)] += s
		}
	}
	return shares
}
