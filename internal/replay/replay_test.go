package replay_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"serin.dev/serin/internal/catalog"
	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/dialect/native"
	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/replay"
	"serin.dev/serin/internal/simulation"
)

const spec = `apiVersion: serin.dev/v1alpha1
kind: Process
metadata: {name: shop}
spec: {replicas: 4, version: "2", command: [./shop], health: {path: /healthz}}
---
apiVersion: serin.dev/v1alpha1
kind: Canary
metadata: {name: shop}
spec:
  target: {kind: Process, name: shop}
  groups: {sre: [ana]}
  steps:
  - {weight: 5, hold: 1m}
  - {approve: {group: sre, within: 1h}}
  - {weight: 25, hold: 2m}
  - {weight: 50, hold: 1m}
  judge: JUDGE
`

func draft(t *testing.T, text string) compile.Draft {
	t.Helper()
	drafts, notes := native.ReadAll([]native.File{{Name: "shop.yaml", Data: []byte(text)}}, catalog.Known())
	if notes.Err() || len(drafts) != 1 {
		t.Fatalf("%d drafts, %s", len(drafts), notes)
	}
	return drafts[0]
}

func judged(by string) string { return strings.Replace(spec, "JUDGE", by, 1) }

// said listens to what judges answer.
type said []plan.Verdict

func (s *said) judge(u plan.Use) (judge.Judge, error) {
	j, err := catalog.Judge(u)
	return listening{j, s}, err
}

type listening struct {
	judge.Judge
	said *said
}

func (l listening) Look(s judge.State, look judge.Look) (judge.State, plan.Verdict) {
	s, v := l.Judge.Look(s, look)
	*l.said = append(*l.said, v)
	return s, v
}

func (l listening) Wants(s judge.State, metric string) bool {
	w, chooses := l.Judge.(interface {
		Wants(judge.State, string) bool
	})
	return !chooses || w.Wants(s, metric)
}

// record lets a release happen in the simulated world and keeps its looks.
func record(t *testing.T, d compile.Draft, scenario simulation.Scenario, seed uint64) (recording string, verdicts said, e simulation.Ending) {
	t.Helper()
	return recordBeside(t, d, scenario, seed, nil)
}

// recordBeside does so where there are stores for queries beside the world.
func recordBeside(t *testing.T, d compile.Draft, scenario simulation.Scenario, seed uint64, stores map[string]metric.Store) (recording string, verdicts said, e simulation.Ending) {
	t.Helper()
	digest, err := replay.Digest(d)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	r := &replay.Recorder{Spec: digest, Open: func(string) (io.WriteCloser, error) { return nobodyCloses{&out}, nil }}
	e, err = simulation.Tell(d, simulation.Story{Scenario: scenario, Seed: seed, Judge: verdicts.judge, Looked: r.See, Stores: stores, Limit: 20 * time.Minute})
	if err := errors.Join(err, r.End()); err != nil {
		t.Fatal(err)
	}
	return out.String(), verdicts, e
}

type nobodyCloses struct{ io.Writer }

func (nobodyCloses) Close() error { return nil }

// readAll reads a recording to its end.
func readAll(recording string) (head replay.Head, frames []replay.Frame, err error) {
	tape, err := replay.Read("shop.jsonl", strings.NewReader(recording))
	if err != nil {
		return head, nil, err
	}
	for {
		one, err := tape.Next(context.Background())
		if errors.Is(err, io.EOF) {
			return tape.Head(), frames, nil
		}
		if err != nil {
			return head, nil, err
		}
		frames = append(frames, one)
	}
}

func play(t *testing.T, d compile.Draft, recording string) (result replay.Result, verdicts said, transcript, again string) {
	t.Helper()
	tape, err := replay.Read("shop.jsonl", strings.NewReader(recording))
	if err != nil {
		t.Fatal(err)
	}
	var out, keep bytes.Buffer
	result, err = replay.Run(t.Context(), replay.Replay{Draft: d, Tape: tape, Judge: verdicts.judge, Out: &out, Keep: &keep})
	if err != nil {
		t.Fatal(err)
	}
	if err := result.Print(&out); err != nil {
		t.Fatal(err)
	}
	return result, verdicts, out.String(), keep.String()
}

// Under its own spec a recorded release is replayed verdict by verdict, with the history its judge was shown, and comes to the same
// end.
func TestReplayGivesTheSameVerdicts(t *testing.T) {
	calm := simulation.Scenario{Quiet: 5 * time.Minute, People: simulation.People{Approve: true}}
	for _, name := range []string{"good", "errors", "slow", "tail", "scarce", "no-traffic"} {
		known, ok := simulation.Named(name)
		if !ok {
			t.Fatalf("no scenario %s", name)
		}
		calm.Stable, calm.Canary, calm.Rate = known.Stable, known.Canary, known.Rate
		for seed, gaps := range []float64{0, 0.1} {
			t.Run(fmt.Sprintf("%s, %g of scrapes missing", name, gaps), func(t *testing.T) {
				calm.Weather.ScrapeGap = gaps
				d := draft(t, strings.Replace(judged("{failures: {tolerate: 1.1x}}"), "  - {approve: {group: sre, within: 1h}}\n", "", 1))
				recording, before, ending := record(t, d, calm, uint64(seed))
				result, after, _, _ := play(t, d, recording)
				if !reflect.DeepEqual(before, after) {
					t.Fatalf("%d verdicts were recorded and %d replayed; the first that differ: %s", len(before), len(after), different(before, after))
				}
				if ending.Position.Phase.Over() && result.Phase != ending.Position.Phase {
					t.Errorf("the release came to %s, its replay to %s", ending.Position.Phase, result.Phase)
				}
			})
		}
	}
}

func different(a, b said) string {
	for i := range min(len(a), len(b)) {
		if !reflect.DeepEqual(a[i], b[i]) {
			return fmt.Sprintf("number %d: %+v and %+v", i, a[i], b[i])
		}
	}
	return "none of those that both have"
}

// What a recording made of a recording says, and what it says when it is replayed, is the same to the last byte.
func TestReplayIsTheSameEveryTime(t *testing.T) {
	d := draft(t, judged("{failures: {tolerate: 1.1x}}"))
	scenario, _ := simulation.Named("errors")
	recording, _, _ := record(t, d, scenario, 3)
	_, _, first, again := play(t, d, recording)
	_, _, second, _ := play(t, d, again)
	if again != recording {
		t.Errorf("the recording was copied with changes: %d bytes became %d", len(recording), len(again))
	}
	if first != second || !strings.Contains(first, "would have rolled back") {
		t.Errorf("two replays differ, or tell nothing:\n%s\n%s", first, second)
	}
}

// Nobody has recorded what people said, so they agree, and at once.
func TestReplayApproves(t *testing.T) {
	d := draft(t, judged("{}"))
	scenario, _ := simulation.Named("good")
	recording, _, ending := record(t, d, scenario, 2)
	result, _, transcript, _ := play(t, d, recording)
	if ending.Position.Phase != plan.Succeeded || result.Phase != plan.Succeeded || !strings.Contains(transcript, "would have promoted at ") {
		t.Errorf("the release came to %s, its replay to %s:\n%s", ending.Position.Phase, result.Phase, transcript)
	}
}

// A better judge than the one that let a bad version pass tells when it would have acted, and what that would have saved.
func TestReplayTellsWhatWouldHaveBeenSaved(t *testing.T) {
	lax := draft(t, judged("{kind: threshold, failures: {max: 20%}}"))
	bad, _ := simulation.Named("errors")
	recording, _, ending := record(t, lax, bad, 5)
	if ending.Position.Phase != plan.Succeeded {
		t.Fatalf("the lax judge has not let it pass: %+v", ending.Position)
	}
	strict := draft(t, judged("{}"))
	result, _, transcript, _ := play(t, strict, recording)
	stable, canary := result.Later()
	if result.Phase != plan.Returned || result.Look == 0 || result.Decided.IsZero() || result.Release.Failure == nil {
		t.Fatalf("the replay came to %s:\n%s", result.Phase, transcript)
	}
	if canary.Requests < 1000 || canary.Failures < 20 || stable.Requests < 1000 {
		t.Errorf("after the rollback there were %s on the canary and %s on stable", canary, stable)
	}
	if most, saved := canary.Failures, result.Saved(); saved <= 0 || saved > most || saved < most*8/10 {
		t.Errorf("%d of %d failed requests would have been saved; stable fails 0.2 %%, the canary 5 %%", saved, most)
	}
	if whole := result.Before.Canary.Requests + canary.Requests; whole != result.Recording.Canary.Requests || whole > ending.Canary {
		t.Errorf("%d requests on the canary were counted, %d met it", whole, ending.Canary)
	}
	for _, part := range []string{"RollingBack", "would have rolled back at 2026-01-05 09:", "saved: "} {
		if !strings.Contains(transcript, part) {
			t.Errorf("the transcript does not say %q:\n%s", part, transcript)
		}
	}
}

// What is no recording is refused at its line.
func TestBrokenRecordings(t *testing.T) {
	d := draft(t, judged("{}"))
	scenario, _ := simulation.Named("errors")
	good, _, _ := record(t, d, scenario, 1)
	lines := strings.SplitAfter(good, "\n")
	const (
		moment = `{"at":"2026-01-05T09:00:00Z","tracks":{}}` + "\n"
		answer = `{"at":"2026-01-05T09:00:00Z","analysis":"judge","metric":"rate","value":1}` + "\n"
	)
	for _, c := range []struct{ reason, recording, says string }{
		{"nothing", "", "shop.jsonl: is empty"},
		{"another file", "{\"a\":1}\n", "shop.jsonl:1: json: unknown field \"a\""},
		{"another schema", strings.Replace(good, "recording/2", "recording/9", 1), "shop.jsonl:1: schema"},
		{"no beginning", `{"schema":"` + replay.Schema + `"}` + "\n", "shop.jsonl:1: start"},
		{"half a line", lines[0] + lines[1] + lines[2][:40], "shop.jsonl:3: unexpected EOF"},
		{"time that stands still", lines[0] + lines[1] + lines[1], "shop.jsonl:3: at: "},
		{"a weight that is none", lines[0] + strings.Replace(lines[1], `"weight":0`, `"weight":101`, 1), "shop.jsonl:2: weight: 101 is not"},
		{"two lines in one", lines[0] + moment[:len(moment)-1] + moment, "shop.jsonl:2: more than one value on a line"},
		{"an answer without counters", lines[0] + answer, "shop.jsonl:2: metric: an answer stands behind the counters"},
		{"an answer of another instant", lines[0] + lines[1] + lines[2] + answer, "shop.jsonl:4: at: an answer of 2026-01-05T09:00:00Z stands behind the counters of "},
		{"an answer of nothing", lines[0] + moment + strings.Replace(answer, "rate", "", 1), "shop.jsonl:3: metric: an answer says of which"},
		{"an answer that is none", lines[0] + moment + strings.Replace(answer, `,"value":1`, "", 1), "shop.jsonl:3: value: an answer is a value or an error"},
		{"an answer with counters", lines[0] + moment + strings.Replace(answer, `{`, `{"weight":1,`, 1), "shop.jsonl:3: metric: counters and an answer"},
		{"an answer in the old schema", strings.Replace(lines[0], "recording/2", "recording/1", 1) + moment + answer, "shop.jsonl:3: metric: recordings of this schema"},
		{"answers without end", lines[0] + moment + strings.Repeat(strings.Replace(answer, "1}", `"`+strings.Repeat("x", 9<<20)+`"}`, 1), 8), "shop.jsonl:10: more than 64 MiB of answers"},
		{"a line without end", lines[0] + strings.Repeat(" ", 17<<20), "shop.jsonl:2: bufio.Scanner: token too long"},
	} {
		tape, err := replay.Read("shop.jsonl", strings.NewReader(c.recording))
		if err == nil {
			_, err = replay.Run(t.Context(), replay.Replay{Draft: d, Tape: tape, Judge: catalog.Judge})
		}
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.reason, err, c.says)
		}
	}
}

// A digest tells policies apart, and nothing else.
func TestDigest(t *testing.T) {
	of := func(text string) string {
		digest, err := replay.Digest(draft(t, text))
		if err != nil {
			t.Fatal(err)
		}
		return digest
	}
	base := of(judged("{}"))
	if moved := of("# a comment\n" + strings.Replace(judged("{}"), `version: "2"`, `version: "3"`, 1)); moved != base {
		t.Error("a comment or another revision is another policy")
	}
	if other := of(strings.Replace(judged("{}"), "hold: 2m", "hold: 3m", 1)); other == base {
		t.Error("another hold is the same policy")
	}
}
