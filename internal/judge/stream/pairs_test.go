package stream_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"serin.dev/serin/internal/judge/kayenta"
	"serin.dev/serin/internal/judge/stream"
)

const pairs = `{"id":%s,"canaryConfig":{"metrics":[{"name":"m","groups":["g"]}],"classifier":{}},"metricSetPairList":[{"name":"m","id":"1",` +
	`"tags":{},"values":{"control":[1,2,3,4,5,6],"experiment":[11,12,13,14,15,16]}}],"scoreThresholds":{"pass":95,"marginal":75}}`

func judgePairs(t *testing.T, settings, in string) []map[string]any {
	t.Helper()
	var out strings.Builder
	if err := stream.Run(context.Background(), strings.NewReader(in), &out, []byte("kind: kayenta\n"+settings)); err != nil {
		t.Fatal(err)
	}
	var answers []map[string]any
	for line := range strings.Lines(out.String()) {
		var a map[string]any
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		answers = append(answers, a)
	}
	return answers
}

// Whole judgements go through the line protocol as they go through the judge.
func TestPairsAreJudgedAsByTheJudge(t *testing.T) {
	data, err := os.ReadFile("../kayenta/testdata/judge-derived.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Cases []struct {
			ID     string
			Input  map[string]json.RawMessage
			Expect struct {
				Score                                float64
				Classification, ClassificationReason string
			}
		}
	}
	if err := json.Unmarshal(data, &vectors); err != nil || len(vectors.Cases) == 0 {
		t.Fatalf("%d cases, %v", len(vectors.Cases), err)
	}
	var in strings.Builder
	for _, c := range vectors.Cases {
		c.Input["id"] = json.RawMessage(`"` + c.ID + `"`)
		line, err := json.Marshal(c.Input)
		if err != nil {
			t.Fatal(err)
		}
		in.Write(append(line, '\n'))
	}
	answers := judgePairs(t, "", in.String())
	if len(answers) != len(vectors.Cases) {
		t.Fatalf("%d answers to %d lines", len(answers), len(vectors.Cases))
	}
	for i, c := range vectors.Cases {
		score, _ := answers[i]["score"].(map[string]any)
		if answers[i]["id"] != c.ID || score["score"] != c.Expect.Score || score["classification"] != c.Expect.Classification ||
			score["classificationReason"] != c.Expect.ClassificationReason || answers[i]["judgeName"] != kayenta.JudgeName {
			t.Errorf("%s: %v, want %+v", c.ID, answers[i], c.Expect)
		}
	}
}

func TestWhatALineMayLeaveOut(t *testing.T) {
	const bare = `{"id":1,"metricSetPairList":[]}` + "\n" + `{"id":2,"metricSetPairList":[],"canaryConfig":null,"scoreThresholds":{"pass":0,"marginal":0}}`
	answers := judgePairs(t, "config: {metrics: [], classifier: {groupWeights: {}}}\nthresholds: {pass: 90, marginal: 10}\n", bare)
	for i, want := range []string{"Fail", "Pass"} {
		if score, _ := answers[i]["score"].(map[string]any); score["classification"] != want {
			t.Errorf("line %d: %v, want %s", i+1, answers[i], want)
		}
	}
	for _, a := range judgePairs(t, "", bare) {
		if text, _ := a["error"].(string); !strings.Contains(text, "canaryConfig: is missing") {
			t.Errorf("%v, want a complaint about the config", a)
		}
	}
}

func TestLinesThatCannotBeJudged(t *testing.T) {
	long := `{"id":"` + strings.Repeat("x", stream.PairsMost) + `"}`
	for _, c := range []struct{ reason, line, id, want string }{
		{"not JSON", `{"id"`, "", "line 2: read pairs: unexpected end"},
		{"not an object", `[1]`, "", "line 2: read pairs:"},
		{"no pairs", `{"id":"a","canaryConfig":{"classifier":{}},"scoreThresholds":{}}`, "a", "metricSetPairList: is missing"},
		{"no thresholds", `{"id":"a","canaryConfig":{"classifier":{}},"metricSetPairList":[]}`, "a", "scoreThresholds: is missing"},
		{"one threshold", `{"id":"a","canaryConfig":{"classifier":{}},"metricSetPairList":[],"scoreThresholds":{"pass":1}}`, "a", "marginal: is missing"},
		{"an empty config", `{"id":"a","canaryConfig":{},"metricSetPairList":[],"scoreThresholds":{"pass":1,"marginal":1}}`, "a", "classifier: is missing"},
		{"a value that is missing", strings.Replace(fmt.Sprintf(pairs, `"a"`), "11,", "null,", 1), "a", "metricSetPairList[0]: values: experiment[0]: null is not a number"},
		{"a metric that is not configured", strings.Replace(fmt.Sprintf(pairs, `"a"`), `[{"name":"m","id"`, `[{"name":"n","id"`, 1), "a", `no metric "n"`},
		{"another judge", strings.Replace(fmt.Sprintf(pairs, `"a"`), `{"metrics"`, `{"judge":{"name":"RemoteJudge-v1.0"},"metrics"`, 1), "a", `no judge "RemoteJudge-v1.0"`},
		{"a config that is too large", `{"id":"a","metricSetPairList":[],"canaryConfig":{"name":"` + strings.Repeat("x", kayenta.ConfigMost) + `"}}`, "a", "the most is 10485760"},
		{"too long", long, "", "line 2: longer than 33554432 bytes"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			good := fmt.Sprintf(pairs, "7")
			answers := judgePairs(t, "", good+"\n"+c.line+"\n\n"+good)
			if len(answers) != 3 {
				t.Fatalf("%d answers to 3 lines", len(answers))
			}
			id, _ := answers[1]["id"].(string)
			if text, _ := answers[1]["error"].(string); !strings.Contains(text, c.want) || id != c.id {
				t.Errorf("answer %.300v, want %q: %s", answers[1], c.id, c.want)
			}
			if answers[2]["id"] != 7.0 || answers[2]["error"] != nil {
				t.Errorf("the stream did not go on: %v", answers[2])
			}
		})
	}
}

// A line of 16 MB is within the limits.
func TestALongLineIsJudged(t *testing.T) {
	values := strings.TrimSuffix(strings.Repeat("1.25,", 1<<20)+strings.Repeat("2.5,", 1<<20), ",")
	line := strings.NewReplacer("1,2,3,4,5,6", values, "11,12,13,14,15,16", "1,"+values).Replace(fmt.Sprintf(pairs, `"long"`))
	if len(line) < 16<<20 {
		t.Fatalf("a line of %d bytes is not long", len(line))
	}
	answers := judgePairs(t, "", line)
	if len(answers) != 1 || answers[0]["error"] != nil || answers[0]["id"] != "long" {
		t.Errorf("%.300v", answers)
	}
}

func TestEveryPairIsAnsweredBeforeTheNextIsRead(t *testing.T) {
	asks, in := io.Pipe()
	out, answers := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- stream.Run(context.Background(), asks, answers, []byte("kind: kayenta")) }()
	replies := bufio.NewScanner(out)
	for k := range 5 {
		if _, err := fmt.Fprintf(in, pairs+"\n", fmt.Sprint(k)); err != nil {
			t.Fatal(err)
		}
		if !replies.Scan() || !strings.HasPrefix(replies.Text(), fmt.Sprintf(`{"id":%d,"judgeName"`, k)) {
			t.Fatalf("answer to line %d: %s, %v", k, replies.Text(), replies.Err())
		}
	}
	in.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestSettingsOfPairsAreReadStrictly(t *testing.T) {
	for text, want := range map[string]string{
		"konfig: x":                          "JUDGE.yaml:2:1: konfig: unknown field",
		"config: ''":                         "is not the name of a file",
		"config: {metrics: 3}":               "config: read canary config: metrics",
		"thresholds: {pass: 5, marginal: 7}": "marginal 7 is above pass 5",
	} {
		err := stream.Run(context.Background(), strings.NewReader(""), io.Discard, []byte("kind: kayenta\n"+text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
