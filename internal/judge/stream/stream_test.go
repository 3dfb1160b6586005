package stream_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/judge/detect"
	"serin.dev/serin/internal/judge/stream"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const look = `{"release":"%s","t":%g,"weight":10,"tracks":{"stable":{"pods":{"a":{"requests":450,"failures":2}}},"canary":{"pods":{"c":{"requests":50,"failures":%d}}}}}`

func TestConversation(t *testing.T) {
	in, err := os.ReadFile("testdata/conversation.in.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := stream.Run(context.Background(), bytes.NewReader(in), &out, nil); err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/conversation.out.jsonl"
	if *update {
		if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), want) {
		t.Errorf("the conversation has changed; see with -update and git diff:\n%s", out.Bytes())
	}
}

// The caller of a pipe waits for every answer before it asks again: nothing may be held back in a buffer.
func TestEveryLookIsAnsweredBeforeTheNextIsRead(t *testing.T) {
	asks, in := io.Pipe()
	out, answers := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- stream.Run(context.Background(), asks, answers, nil) }()
	replies := bufio.NewScanner(out)
	for k := range 20 {
		if _, err := fmt.Fprintf(in, look+"\n", "r", float64(5*k+5), 0); err != nil {
			t.Fatal(err)
		}
		if !replies.Scan() {
			t.Fatalf("no answer to look %d: %v", k, replies.Err())
		}
	}
	in.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestInterleavedReleasesAreJudgedAsIfAlone(t *testing.T) {
	alone := func(release string, failures int) string {
		var in, out strings.Builder
		for k := range 15 {
			fmt.Fprintf(&in, look+"\n", release, float64(5*k+5), failures)
		}
		run(t, in.String(), &out)
		return out.String()
	}
	var in, out strings.Builder
	for k := range 15 {
		fmt.Fprintf(&in, look+"\n", "good", float64(5*k+5), 0)
		fmt.Fprintf(&in, look+"\n", "bad", float64(5*k+5), 4)
	}
	run(t, in.String(), &out)
	var good, bad strings.Builder
	for _, line := range strings.SplitAfter(out.String(), "\n") {
		if strings.Contains(line, `"release":"good"`) {
			good.WriteString(line)
		} else {
			bad.WriteString(line)
		}
	}
	if good.String() != alone("good", 0) || bad.String() != alone("bad", 4) {
		t.Error("a release is judged differently beside another")
	}
}

func TestBrokenLinesAreAnsweredAndPassedOver(t *testing.T) {
	long := `{"release":"` + strings.Repeat("x", stream.LineMost) + `"}`
	for _, c := range []struct{ reason, line, want string }{
		{"not JSON", "{", "line 2: read look: unexpected end"},
		{"not an object", "[1]", "line 2: read look:"},
		{"no time", `{"release":"r"}`, "line 2: read look: t is missing"},
		{"no release", `{"t":1}`, "line 2: read look: release is missing"},
		{"a fraction of a request", fmt.Sprintf(strings.Replace(look, "450", "450.5", 1), "r", 10.0, 0), "450.5 is not a whole number"},
		{"a number out of range", `{"release":"r","t":1e999}`, "line 2: read look:"},
		{"too long", long, "line 2: longer than 8388608 bytes"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			var out strings.Builder
			run(t, fmt.Sprintf(look+"\n"+"%s\n"+look, "r", 5.0, 0, c.line, "r", 10.0, 0), &out)
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			if len(lines) != 3 {
				t.Fatalf("%d answers to 3 lines", len(lines))
			}
			var answer struct{ Error string }
			if err := json.Unmarshal([]byte(lines[1]), &answer); err != nil || !strings.HasPrefix(answer.Error, c.want) && !strings.Contains(answer.Error, c.want) {
				t.Errorf("answer %.200s, want %s", lines[1], c.want)
			}
			if !strings.Contains(lines[2], `"canary":100`) {
				t.Errorf("the stream did not go on: %s", lines[2])
			}
		})
	}
}

func TestNumbersMayBeWrittenAsFloats(t *testing.T) {
	var plain, floats strings.Builder
	line := fmt.Sprintf(look, "r", 5.0, 0)
	run(t, line, &plain)
	run(t, strings.NewReplacer("450", "450.0", `"failures":2`, `"failures":2e0`).Replace(line), &floats)
	if plain.String() != floats.String() {
		t.Errorf("450 and 450.0 differ:\n%s\n%s", plain.String(), floats.String())
	}
}

// What the bench measures is what serin judge answers.
func TestTheStreamJudgesAsTheBenchDoes(t *testing.T) {
	j, err := stream.New("JUDGE.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range detect.Families() {
		if f.Name != "same latency" {
			continue
		}
		stage, s := detect.NewStage(&f, 1, 1), j.Start()
		var in, out, want bytes.Buffer
		say := func(l judge.Look) bool {
			line, err := json.Marshal(struct {
				Release string `json:"release"`
				judge.Look
			}{"r", l})
			if err != nil {
				t.Fatal(err)
			}
			in.Write(append(line, '\n'))
			answer := stream.Answer{Release: "r", T: l.T}
			s, answer.Verdict = j.Look(s, l)
			if err := json.NewEncoder(&want).Encode(answer); err != nil {
				t.Fatal(err)
			}
			return true
		}
		stage.Past(say)
		for k := range 100 {
			say(stage.Next(float64(5*k + 5)).Look)
		}
		if err := stream.Run(context.Background(), &in, &out, nil); err != nil {
			t.Fatal(err)
		}
		if got, want := out.String(), want.String(); got != want {
			t.Errorf("the stream and the judge disagree")
		}
	}
}

func TestSettingsAreReadStrictly(t *testing.T) {
	for cfg, want := range map[string]string{
		"":                       "",
		"# nothing\n":            "",
		"kind: sequential\n":     "",
		"kind: threshold\n":      "",
		"kind: threshold\nx: 1":  "JUDGE.yaml:2:1: x: unknown field",
		"failures:\n  plus: 1\n": `JUDGE.yaml:2:9: failures.plus: "1" is not a percentage`,
		"kind: kayenta\n":        "",
		"kind: oracle\n":         "JUDGE.yaml:1:7: kind: \"oracle\" is not one of",
		"budget: [":              "JUDGE.yaml: read YAML",
	} {
		err := stream.Run(context.Background(), strings.NewReader(""), io.Discard, []byte(cfg))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("settings %q: %v, want %q", cfg, err, want)
		}
	}
}

func run(t *testing.T, in string, out io.Writer) {
	t.Helper()
	if err := stream.Run(context.Background(), strings.NewReader(in), out, nil); err != nil {
		t.Fatal(err)
	}
}

// Whatever stands on a line, it is answered by one line of JSON, and a state that can be kept.
func FuzzLooks(f *testing.F) {
	f.Add(fmt.Sprintf(look, "r", 5.0, 0))
	f.Add(`{"release":"r","t":5,"weight":10,"tracks":{"canary":{"pods":{"b":{"requests":3,"failures":0,"le":[0.1,0.5],"buckets":[1,9]}}}}}`)
	f.Add(`{"release":"r","t":5,"weight":10,"tracks":{"canary":{"pods":{"b":{"requests":3,"strata":{"a":{"requests":3}},"restarts":1,"gauges":{"m":1e300},"sums":{"o":{"n":1,"total":-5}}}}}}}`)
	f.Add(`{"release":"r","t":-5,"gap":true}`)
	f.Add(`{"release":"","t":1e300,"weight":-1,"tracks":{"stable":null,"canary":{}}}`)
	f.Fuzz(func(t *testing.T, line string) {
		line = strings.NewReplacer("\n", " ", "\r", " ").Replace(line)
		var out bytes.Buffer
		run(t, fmt.Sprintf(look+"\n", "r", 1.0, 0)+line+"\n"+line, &out)
		for _, answer := range bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n")) {
			if !json.Valid(answer) {
				t.Errorf("answer to %q is not JSON: %s", line, answer)
			}
		}
	})
}
