package prometheus

import (
	"fmt"
	"maps"
	"math"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"github.com/prometheus/common/model"

	"serin.dev/serin/internal/metric"
)

// An answer is what was found, by name (of a pod, an instance or a Service) and by the label instance.
type answer map[string]map[string]*tally

// A tally collects the numbers of one instance.
type tally struct {
	requests, failures float64
	counted, up        bool
	buckets            map[float64]float64
	native             native
	invalid            string
}

// add takes the samples of one query into account. name finds whose a sample is; "" is nobody's.
func (a answer) add(samples model.Vector, instance string, name func(model.Metric) string) {
	for _, s := range samples {
		whose := name(s.Metric)
		if whose == "" {
			continue
		}
		if a[whose] == nil {
			a[whose] = map[string]*tally{}
		}
		at := string(s.Metric[model.LabelName(instance)])
		if a[whose][at] == nil {
			a[whose][at] = &tally{buckets: map[float64]float64{}}
		}
		a[whose][at].add(s)
	}
}

func (t *tally) add(s *model.Sample) {
	kind, value := string(s.Metric[kindLabel]), float64(s.Value)
	if kind == isNative || kind == isFailed {
		t.native.add(kind, s.Histogram)
		return
	}
	if s.Histogram != nil || !(value >= 0 && value <= 1<<53) { // 2^53 is where floating point stops counting
		t.invalid = fmt.Sprintf("the %ss are %v, which is no count", kind, s.Value)
		return
	}
	switch kind {
	case isRequest:
		t.requests, t.counted = t.requests+value, true
	case isFailure:
		t.failures += value
	case isUp:
		t.up = value == 1
	case isBucket:
		if le, err := strconv.ParseFloat(string(s.Metric["le"]), 64); err == nil && !math.IsNaN(le) {
			t.buckets[le] += value
		}
	}
}

// find returns what a name counted. A pod that was replaced under its own name is at another address: where instances are
// called by address, those at others than host are left out.
func (a answer) find(name, host string) (tally, bool) {
	all := a[name]
	if len(all) == 0 {
		return tally{}, false
	}
	elsewhere := false
	mine := map[string]*tally{}
	for instance, t := range all {
		switch ip := address(instance); {
		case host == "" || !ip.IsValid():
			mine[instance] = t
		case ip == address(host):
			mine[instance] = t
		default:
			elsewhere = true
		}
	}
	if elsewhere && len(mine) == 0 {
		return tally{}, false
	}
	return sum(mine), true
}

// address reads "10.0.0.1:8080" or "10.0.0.1"; anything else is no address.
func address(instance string) netip.Addr {
	host, _, err := net.SplitHostPort(instance)
	if err != nil {
		host = instance
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	return ip.Unmap()
}

func sum(all map[string]*tally) tally {
	total := tally{buckets: map[float64]float64{}}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		t := all[key]
		total.requests += t.requests
		total.failures += t.failures
		total.counted = total.counted || t.counted
		total.up = total.up || t.up
		total.native.merge(t.native)
		for le, n := range t.buckets {
			total.buckets[le] += n
		}
		if t.invalid != "" {
			total.invalid = t.invalid
		}
	}
	return total
}

// known reports whether anything was counted.
func (t tally) known() bool { return t.counted || t.native.found }

// counters are the tally in the words of the contract. The doubt names what it lacks.
func (t tally) counters(scale float64) (metric.Counters, string) {
	c := metric.Counters{Requests: int64(t.requests), Failures: int64(t.failures)}
	if t.invalid != "" {
		return c, t.invalid
	}
	if len(t.buckets) == 0 && t.native.found {
		return t.native.complete(c, t.counted, scale)
	}
	for _, le := range slices.Sorted(maps.Keys(t.buckets)) {
		if math.IsInf(le, 0) {
			continue
		}
		c.Bounds = append(c.Bounds, le*scale)
		c.Buckets = append(c.Buckets, int64(t.buckets[le]))
	}
	doubt := ""
	if n := len(c.Buckets); n > 0 && (!slices.IsSorted(c.Buckets) || c.Buckets[n-1] > c.Requests) {
		c.Bounds, c.Buckets = nil, nil
		doubt = "the buckets of the duration contradict each other, or the requests"
	}
	if c.Failures > c.Requests {
		c.Failures = c.Requests
		doubt = "there are more failures than requests"
	}
	return c, doubt
}
