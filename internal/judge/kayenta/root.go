package kayenta

import "math"

// How exactly roots are found. The tolerance is absolute: it is part of Kayenta's verdicts.
const (
	rootTolerance = 1e-4
	rootSteps     = 1001
	rootEpsilon   = 2.22e-16
)

// root finds a zero of f between two ends, or what comes nearest: Brent's method, step for step as R's zeroin takes it.
// The best point is b; a is the one before it, c lies on the other side of the root.
func root(f func(float64) (float64, error), from, to float64) (float64, error) {
	a, b := from, to
	fa, err := f(a)
	if err != nil || fa == 0 {
		return a, err
	}
	fb, err := f(b)
	if err != nil || fb == 0 {
		return b, err
	}
	c, fc := a, fa
	for range rootSteps {
		last := b - a
		if math.Abs(fc) < math.Abs(fb) {
			a, b, c = b, c, b
			fa, fb, fc = fb, fc, fb
		}
		exact := 2*rootEpsilon*math.Abs(b) + rootTolerance/2
		step := (c - b) / 2
		if math.Abs(step) <= exact || fb == 0 {
			return b, nil
		}
		if math.Abs(last) >= exact && math.Abs(fa) > math.Abs(fb) {
			step = interpolate(point{a, fa}, point{b, fb}, point{c, fc}, step, last, exact)
		}
		switch {
		case math.Abs(step) >= exact:
		case step > 0:
			step = exact
		default:
			step = -exact
		}
		a, fa = b, fb
		b += step
		if fb, err = f(b); err != nil {
			return b, err
		}
		if fb > 0 && fc > 0 || fb < 0 && fc < 0 {
			c, fc = a, fa
		}
	}
	return b, nil
}

type point struct{ x, y float64 }

// interpolate proposes a step from b: along a line when there are two points, along an inverse parabola when there are three.
// The halving step stands where the proposal leaves the bracket, or does not get nearer twice as fast as the last step did.
func interpolate(a, b, c point, halving, last, exact float64) float64 {
	var p, q float64
	cb := c.x - b.x
	if a.x == c.x {
		t := b.y / a.y
		p, q = cb*t, 1-t
	} else {
		r, s, t := a.y/c.y, b.y/c.y, b.y/a.y
		p = t * (cb*r*(r-s) - (b.x-a.x)*(s-1))
		q = (r - 1) * (s - 1) * (t - 1)
	}
	if p > 0 {
		q = -q
	} else {
		p = -p
	}
	if p < 0.75*cb*q-math.Abs(exact*q)/2 && p < math.Abs(last*q/2) {
		return p / q
	}
	return halving
}
