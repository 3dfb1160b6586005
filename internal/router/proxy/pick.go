package proxy

import (
	"math/rand/v2"
)

// pick returns the less busy of two instances chosen at random, passing over those that just refused a connection. Where
// all of them did, none is passed over: a whole track is never given up. It returns nil for a track without instances.
func (t *track) pick(now int64) *instance {
	n := len(t.instances)
	switch n {
	case 0:
		return nil
	case 1:
		return t.instances[0]
	}
	i := rand.IntN(n)
	j := rand.IntN(n - 1)
	if j >= i {
		j++
	}
	a, b := t.instances[i], t.instances[j]
	aOut, bOut := a.shunned.Load() > now, b.shunned.Load() > now
	switch {
	case aOut && bOut:
		return t.pickFrom(i, now)
	case aOut:
		return b
	case bOut || a.busy.Load() <= b.busy.Load():
		return a
	}
	return b
}

// pickFrom returns the next instance that is not passed over, or the first one looked at.
func (t *track) pickFrom(start int, now int64) *instance {
	for k := range t.instances {
		in := t.instances[(start+k)%len(t.instances)]
		if in.shunned.Load() <= now {
			return in
		}
	}
	return t.instances[start]
}
