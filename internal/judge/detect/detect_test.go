package detect

import (
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestResultsDoNotDependOnWorkers(t *testing.T) {
	makers, err := Makers()
	if err != nil {
		t.Fatal(err)
	}
	f := plain("unequal", 0.005, 0.02).with(func(f *Family) { f.CV, f.Gaps, f.Lost, f.For = 0.3, 0.1, 0.1, 600 })
	one := Run(&f, makers, 6, 3, 1, func() {})
	two := Run(&f, makers, 6, 3, 2, func() {})
	if !reflect.DeepEqual(one, two) {
		t.Error("two workers find something else than one")
	}
	if other := Run(&f, makers, 6, 4, 2, func() {}); reflect.DeepEqual(one, other) {
		t.Error("another seed finds the very same")
	}
}

// A sample of the promises that the bench measures in full.
func TestThePromisesHoldInASample(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED by -short: it plays releases; `make test` runs it")
	}
	makers, err := Makers()
	if err != nil {
		t.Fatal(err)
	}
	own, oracle := makers[:1], makers[len(makers)-1:]
	for _, f := range Bad() {
		if !f.Strict {
			continue
		}
		mine := Summarise(Run(&f, own, 30, 77, 2, func() {})[0])
		best := Summarise(Run(&f, oracle, 30, 77, 2, func() {})[0])
		if times := mine.Blast / best.Blast; times > 3 { // 2.0 over 400 releases; of 30 the mean is rough
			t.Errorf("%s: %.0f bad requests, %.2f times the oracle's", f.Name, mine.Blast, times)
		}
	}
	f := plain("same", 0.005, 0.005)
	if s := Summarise(Run(&f, own, 40, 77, 2, func() {})[0]); s.Rolled > 1 || s.Passed < 39 || s.PassAt > 200 {
		t.Errorf("of 40 good releases %d rolled back, %d passed, at %g s", s.Rolled, s.Passed, s.PassAt)
	}
}

func TestTrafficIsWhatTheFamilySays(t *testing.T) {
	f := plain("bursts", 0.01, 0.01).with(func(f *Family) { f.Burst = 3 })
	stage := NewStage(&f, 1, 1)
	var n, x, squares, cells float64
	for k := range 2000 {
		for _, tally := range stage.Next(float64(5*k + 5)).Look.Tracks["stable"].Pods {
			n, x, cells = n+float64(tally.Requests), x+float64(tally.Failures), cells+1
			squares += float64(tally.Failures) * float64(tally.Failures)
		}
	}
	if rate := x / n; math.Abs(rate-0.01) > 0.0005 {
		t.Errorf("failure rate %g, want 0.01", rate)
	}
	mean := x / cells
	if dispersion := (squares/cells - mean*mean) / mean; math.Abs(dispersion-5) > 0.5 {
		t.Errorf("variance %.2f times the mean, want 5 for geometric bursts of mean 3", dispersion)
	}
}

func TestWilson(t *testing.T) {
	if low, high := Wilson(0, 2000); low != 0 || math.Abs(high-0.0019) > 0.0001 {
		t.Errorf("0 of 2000: %g to %g", low, high)
	}
	if _, high := Wilson(11, 2000); math.Abs(high-0.0098) > 0.0002 {
		t.Errorf("11 of 2000: up to %g", high)
	}
}

func TestTablesNameEveryFamily(t *testing.T) {
	makers, err := Makers()
	if err != nil {
		t.Fatal(err)
	}
	var rows []Row
	for _, f := range []Family{Good()[0], Bad()[0]} {
		f.For = 300
		row := Row{Family: f}
		for _, fates := range Run(&f, makers, 2, 1, 1, func() {}) {
			row.Summaries = append(row.Summaries, Summarise(fates))
		}
		rows = append(rows, row)
	}
	var out strings.Builder
	if err := Write(&out, makers, rows, "the command"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"`the command`", "| same, 0.1 % |", "| 0.1 to 0.5 % |", "| oracle |", "geometric mean"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
