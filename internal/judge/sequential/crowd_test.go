package sequential_test

import (
	"testing"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/judge/sequential"
)

// BenchmarkCrowd judges one look of each of 1,000 releases with 20 pods and five metrics (failures, latency, two gauges, a sum)
// under way at once, and puts the verdict into words. "core-%" is what this costs of one processor when all are looked at every 5
// seconds.
func BenchmarkCrowd(b *testing.B) {
	const releases, every = 1000, 5.0
	c := sequential.Default()
	c.Gauges = []sequential.Gauge{{Name: "memory", Tolerate: 1.2}, {Name: "queue", Tolerate: 1.2}}
	c.Sums = []sequential.Sum{{Name: "orders", Most: 1, Fall: 0.1}}
	j, err := sequential.New(c)
	if err != nil {
		b.Fatal(err)
	}
	all := looks(family(b, "same latency"), 1, 240)
	for i := range all {
		measureMore(all[i])
	}
	states := make([]judge.State, releases)
	for i := range states {
		states[i] = j.Start()
		for _, l := range all[:20] {
			j.Weigh(states[i], l)
		}
	}
	last, k := all[len(all)-1].T, 0
	b.ReportAllocs()
	before := worked(b)
	for b.Loop() {
		l := all[20+k%(len(all)-20)]
		l.T = last + float64(k+1)*every
		for _, s := range states {
			j.Look(s, l)
		}
		k++
	}
	took := float64(worked(b)-before) / float64(k)
	b.ReportMetric(took/releases/5, "cpu-ns/metric")
	b.ReportMetric(100*took/1e9/every, "core-%")
}

// measureMore adds gauges and a business metric to a look.
func measureMore(l judge.Look) {
	for _, counts := range l.Tracks {
		for name, tally := range counts.Pods {
			tally.Gauges = map[string]float64{"memory": 2e8, "queue": 12}
			tally.Sums = map[string]judge.Sum{"orders": {N: tally.Requests, Total: float64(tally.Requests) / 20}}
			counts.Pods[name] = tally
		}
	}
}
