package kayenta

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func sets(t *testing.T, text string) []MetricSet {
	t.Helper()
	var all []MetricSet
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestPairing(t *testing.T) {
	const window = `"startTimeMillis":0,"endTimeMillis":180000,"stepMillis":60000`
	for _, c := range []struct{ reason, control, experiment, want string }{
		{"what one side lacks is NaN",
			`[{"name":"m","tags":{"z":"a"},"values":[1,2,3],` + window + `},{"name":"m","tags":{"z":"b"},"values":[4,5,6],` + window + `}]`,
			`[{"name":"m","tags":{"z":"b"},"values":[7,8,9],` + window + `},{"name":"m","tags":{"z":"c"},"values":[1],` + window + `}]`,
			`z=a [1,2,3] ["NaN","NaN","NaN"] | z=b [4,5,6] [7,8,9] | z=c ["NaN","NaN","NaN"] [1,"NaN","NaN"]`},
		{"an untagged placeholder stands for every combination",
			`[{"name":"m","tags":{"z":"a"},"values":[1]},{"name":"m","tags":{"z":"b"},"values":[2]}]`,
			`[{"name":"m","values":[9,9],` + window + `}]`,
			`z=a [1] ["NaN","NaN","NaN"] | z=b [2] ["NaN","NaN","NaN"]`},
		{"two placeholders are a pair", `[{"name":"m","values":[]}]`, `[{"name":"m","values":[1]}]`, ` [] [1]`},
		{"of two series with the same tags the first counts",
			`[{"name":"m","values":[1]},{"name":"m","values":[2]}]`, `[{"name":"m","values":[3]},{"name":"m","values":[4]}]`, ` [1] [3]`},
		{"a step of nothing expects nothing", `[{"name":"m","values":[1],"endTimeMillis":60000}]`, `[{"name":"m","values":[1]}]`, ` [1] [1]`},
	} {
		t.Run(c.reason, func(t *testing.T) {
			pairs, err := Mix([]Metric{{Name: "m"}}, sets(t, c.control), sets(t, c.experiment))
			if err != nil {
				t.Fatal(err)
			}
			var all []string
			ids := map[string]bool{}
			for _, p := range pairs {
				tags := ""
				for k, v := range p.Tags {
					tags += k + "=" + v
				}
				x, _ := json.Marshal(p.Values.Control)
				y, _ := json.Marshal(p.Values.Experiment)
				all = append(all, tags+" "+string(x)+" "+string(y))
				ids[p.ID] = true
			}
			if got := strings.Join(all, " | "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if len(ids) != len(pairs) {
				t.Errorf("%d ids for %d pairs", len(ids), len(pairs))
			}
		})
	}
}

func TestPairingRefuses(t *testing.T) {
	for _, c := range []struct{ reason, control, experiment, want string }{
		{"no control", `[]`, `[{"name":"m"}]`, `metric "m": the control has no series`},
		{"no experiment", `[{"name":"m"}]`, `[{"name":"n"}]`, `metric "m": the experiment has no series`},
		{"other tag keys", `[{"name":"m","tags":{"a":"1"}}]`, `[{"name":"m","tags":{"b":"1"}}]`, "the tags of the control are [a]"},
		{"a window without end", `[{"name":"m","endTimeMillis":9000000000000,"stepMillis":1}]`, `[{"name":"m"}]`, "the most is 1000000"},
	} {
		_, err := Mix([]Metric{{Name: "m"}}, sets(t, c.control), sets(t, c.experiment))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.reason, err, c.want)
		}
	}
}

func TestSeriesWithGaps(t *testing.T) {
	nan := Number(math.NaN())
	for _, c := range []struct {
		reason           string
		points           []Point
		start, end, step int64
		want             string
	}{
		{"no points at all", nil, 0, 2, 1, `["NaN","NaN","NaN"]`},
		{"a point beside the grid", []Point{{0, 1}, {3, 9}, {4, 2}}, 0, 4, 2, `[1,"NaN",2]`},
		{"points before the start", []Point{{-2, 1}, {0, 3}}, 0, 2, 2, `[3,"NaN"]`},
		{"a point without a value", []Point{{0, nan}, {1, 3}}, 0, 1, 1, `["NaN",3]`},
		{"the end before the start", []Point{{0, 1}}, 1, 0, 1, `[]`},
		{"the end of time", []Point{{math.MaxInt64, 1}}, math.MaxInt64 - 1, math.MaxInt64, 1, `["NaN",1]`},
	} {
		got, err := FillSparse(c.points, c.start, c.end, c.step)
		text, _ := json.Marshal(got)
		if err != nil || string(text) != c.want {
			t.Errorf("%s: %s, %v; want %s", c.reason, text, err, c.want)
		}
	}
	for _, step := range []int64{0, -1} {
		if _, err := FillSparse(nil, 0, 1, step); err == nil {
			t.Errorf("a step of %d was taken", step)
		}
	}
	if _, err := FillSparse(nil, math.MinInt64, math.MaxInt64, 1); err == nil {
		t.Error("a series from the beginning to the end of time was made")
	}
}

func TestChunksWithGaps(t *testing.T) {
	got, err := MergeChunks(60, []Chunk{{180, 240, Series{3}}, {0, 60, Series{1}}})
	text, _ := json.Marshal(got)
	if err != nil || string(text) != `[1,"NaN","NaN",3]` {
		t.Errorf("%s, %v", text, err)
	}
	for reason, chunks := range map[string][]Chunk{
		"overlap": {{0, 120, Series{1, 2}}, {60, 180, Series{2, 3}}},
		"a gap":   {{0, 60, nil}, {1 << 60, 1<<60 + 60, nil}},
	} {
		if _, err := MergeChunks(60, chunks); err == nil {
			t.Errorf("chunks with %s were merged", reason)
		}
	}
	if _, err := MergeChunks(0, nil); err == nil {
		t.Error("a step of 0 was taken")
	}
}
