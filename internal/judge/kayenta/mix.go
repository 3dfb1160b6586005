package kayenta

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/google/uuid"
)

// PointsMost is the longest series that is filled up, in values.
const PointsMost = 1_000_000

// Mix pairs the series of both sides, metric by metric, as Kayenta does: by equal tags; what one side lacks is NaN; an untagged
// placeholder on one side stands for every combination of tags on the other. Each combination becomes a pair, and so a
// metric of its own, under the same name. Ids follow from position, name and tags.
func Mix(metrics []Metric, control, experiment []MetricSet) ([]Pair, error) {
	pairs := []Pair{}
	for _, m := range metrics {
		c, e := named(m.Name, control), named(m.Name, experiment)
		switch {
		case len(c) == 0:
			return nil, fmt.Errorf("pair metric %q: the control has no series, and its store gave no placeholder", m.Name)
		case len(e) == 0:
			return nil, fmt.Errorf("pair metric %q: the experiment has no series, and its store gave no placeholder", m.Name)
		}
		if ck, ek := keys(c), keys(e); len(ck) > 0 && len(ek) > 0 && !slices.Equal(ck, ek) {
			return nil, fmt.Errorf("pair metric %q: the tags of the control are %v, those of the experiment %v", m.Name, ck, ek)
		}
		for _, sides := range match(c, e) {
			p, err := pair(sides, len(pairs))
			if err != nil {
				return nil, fmt.Errorf("pair metric %q: %w", m.Name, err)
			}
			pairs = append(pairs, p)
		}
	}
	return pairs, nil
}

func named(name string, sets []MetricSet) []MetricSet {
	return slices.DeleteFunc(slices.Clone(sets), func(s MetricSet) bool { return s.Name != name })
}

// keys are the tag keys of one side, in order.
func keys(sets []MetricSet) []string {
	all := map[string]bool{}
	for _, s := range sets {
		for k := range s.Tags {
			all[k] = true
		}
	}
	return sorted(all)
}

// sides are the two series of a pair to be.
type sides struct{ control, experiment MetricSet }

// match finds a partner for each combination of tags.
func match(control, experiment []MetricSet) []sides {
	var all []sides
	_, c := find(control, nil)
	_, e := find(experiment, nil)
	switch {
	case c && !e:
		for _, s := range experiment {
			all = append(all, sides{stand(control[0], s.Tags), s})
		}
	case e && !c:
		for _, s := range control {
			all = append(all, sides{s, stand(experiment[0], s.Tags)})
		}
	default:
		both := slices.Concat(control, experiment)
		for i, s := range both {
			if _, seen := find(both[:i], s.Tags); !seen {
				all = append(all, sides{partner(control, s.Tags), partner(experiment, s.Tags)})
			}
		}
	}
	return all
}

// find returns the first series with these tags.
func find(sets []MetricSet, tags map[string]string) (MetricSet, bool) {
	for _, s := range sets {
		if maps.Equal(s.Tags, tags) {
			return s, true
		}
	}
	return MetricSet{}, false
}

func partner(sets []MetricSet, tags map[string]string) MetricSet {
	if s, ok := find(sets, tags); ok {
		return s
	}
	return stand(sets[0], tags)
}

// stand returns a series without values that stands for these tags; pair fills it up.
func stand(template MetricSet, tags map[string]string) MetricSet {
	template.Tags, template.Values = tags, nil
	return template
}

func pair(s sides, position int) (Pair, error) {
	p := Pair{
		Name: s.control.Name, Tags: s.control.Tags,
		Scopes: &PairScopes{Control: axis(s.control), Experiment: axis(s.experiment)},
	}
	if p.Tags == nil {
		p.Tags = map[string]string{}
	}
	if s.control.Attributes != nil || s.experiment.Attributes != nil {
		p.Attributes = &PairAttributes{Control: s.control.Attributes, Experiment: s.experiment.Attributes}
	}
	var err error
	if p.Values.Control, err = filled(s.control); err != nil {
		return Pair{}, fmt.Errorf("control: %w", err)
	}
	if p.Values.Experiment, err = filled(s.experiment); err != nil {
		return Pair{}, fmt.Errorf("experiment: %w", err)
	}
	p.ID = uuid.NewSHA1(uuid.NameSpaceOID, fmt.Appendf(nil, "%d %q %q", position, p.Name, p.Tags)).String()
	return p, nil
}

func axis(s MetricSet) PairScope {
	return PairScope{StartTimeISO: s.StartTimeISO, StartTimeMillis: s.StartTimeMillis, StepMillis: s.StepMillis}
}

// filled adds NaN at the end until there are as many values as the window has steps.
func filled(s MetricSet) (Series, error) {
	expected := int64(0)
	if s.StepMillis > 0 && s.EndTimeMillis > s.StartTimeMillis {
		expected = (s.EndTimeMillis - s.StartTimeMillis) / s.StepMillis
	}
	if expected > PointsMost {
		return nil, fmt.Errorf("%d steps of %d ms between start and end; the most is %d", expected, s.StepMillis, PointsMost)
	}
	values := append(Series{}, s.Values...)
	for int64(len(values)) < expected {
		values = append(values, Number(math.NaN()))
	}
	return values, nil
}
