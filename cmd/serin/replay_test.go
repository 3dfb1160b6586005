package main

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/replay"
	"serin.dev/serin/internal/report"
)

// A real release is recorded while it runs, reported in every format, and replayed under its own file to the same end.
func TestReleaseIsRecordedReportedAndReplayed(t *testing.T) {
	long(t, "a release under load")
	s := prepare(t, spec{app: "version=v1", canary: recordedSteps}.yaml())
	looks := filepath.Join(s.dir, "looks")
	s.flags = []string{"--record", looks}
	s.start()
	s.over("shop", 15*time.Second)
	users := sendTo(t, s.url(), 200)
	users.settle(50)
	s.rewrite(spec{app: "version=v2&fail=0.1", canary: recordedSteps}.yaml())
	r := s.over("shop-2", 60*time.Second)
	if r.Phase != plan.Returned {
		t.Fatalf("the release that fails one in ten came to %s", r.Headline)
	}
	for format, says := range map[string]string{"text": "rolled back after", "md": "rolled back after", "junit": "<testsuite ", "html": "<svg ", "json": report.Schema} {
		got := s.cli("report", "shop", "-o", format)
		if got.code != 0 || !strings.Contains(got.out, says) || !strings.Contains(got.out, string(r.To)) {
			t.Errorf("report as %s: %+v", format, got)
		}
		if format == "junit" && xml.Unmarshal([]byte(got.out), &struct{}{}) != nil {
			t.Errorf("report as %s is no XML: %s", format, got.out)
		}
	}
	if got := s.cli("report", "nobody"); got.code == 0 || !strings.Contains(got.err, "nobody") {
		t.Errorf("report of nobody: %+v", got)
	}
	if code := s.stop(); code != 0 {
		t.Fatalf("serin ended with %d:\n%s", code, s.log)
	}

	page := filepath.Join(s.dir, "shop.html")
	got := s.cli("replay", "-f", s.file, "--from", filepath.Join(looks, "shop-2.jsonl"), "-o", "json", "--report", page)
	var result replay.Result
	if err := json.Unmarshal([]byte(got.out), &result); err != nil || got.code != 0 {
		t.Fatalf("replay: %v, %+v", err, got)
	}
	if result.Phase != plan.Returned || result.Reason != r.Failure.Text || !result.Decided.Equal(r.Failure.At) {
		t.Errorf("the release was sent back at %s because %q, its replay at %s because %q", r.Failure.At, r.Failure.Text, result.Decided, result.Reason)
	}
	if text, err := os.ReadFile(page); err != nil || !strings.Contains(string(text), "rolled back") {
		t.Errorf("the page of the replay: %v", err)
	}
}

const recordedSteps = "steps: [{weight: 30, hold: 1m}]\n"

// What cannot be replayed is said before anything is read.
func TestReplayRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "shop.yaml")
	if err := os.WriteFile(file, []byte(sound), 0o600); err != nil {
		t.Fatal(err)
	}
	recording := filepath.Join(dir, "good.jsonl")
	if got := command(t, nil, "", "simulate", "-f", file, "--scenario", "errors", "--seed", "2", "--record", recording); got.code != 0 {
		t.Fatalf("simulate: %+v", got)
	}
	other := filepath.Join(dir, "other.yaml")
	if err := os.WriteFile(other, []byte(strings.ReplaceAll(sound, "name: shop", "name: cart")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		reason, says string
		args         []string
	}{
		{"no file", "no such file", []string{"-f", file, "--from", filepath.Join(dir, "none.jsonl")}},
		{"a file that is none", "shop.yaml:1: ", []string{"-f", file, "--from", file}},
		{"another target", "is a recording of Process/shop, not of Process/cart", []string{"-f", other, "--from", recording}},
		{"two Canaries", "say which release: shop, cart", []string{"-f", file, "-f", other, "--from", recording}},
		{"nobody on the tracks", "say it with --stable and --canary", []string{"-f", file, "--from", "http://127.0.0.1:1"}},
		{"no beginning", "say with --start", []string{"-f", file, "--from", "http://127.0.0.1:1", "--stable", "a", "--canary", "b"}},
		{"an end before it", "does not come after the start", []string{"-f", file, "--from", "http://127.0.0.1:1", "--stable", "a", "--canary", "b", "--start", "1h", "--end", "2h"}},
		{"a preset that is none", "spec.judge: ask Prometheus: preset: ", []string{"-f", file, "--from", "http://127.0.0.1:1", "--stable", "a", "--canary", "b", "--start", "1h", "--preset", "x"}},
		{"a time that is none", "want a time such as", []string{"-f", file, "--from", recording, "--start", "yesterday"}},
		{"a report of no format", "the name says no format", []string{"-f", file, "--from", recording, "--report", "a.pdf"}},
	} {
		if got := command(t, nil, "", append([]string{"replay"}, c.args...)...); got.code != 1 || !strings.Contains(got.err, c.says) {
			t.Errorf("%s: want %q, got %+v", c.reason, c.says, got)
		}
	}
	changed := filepath.Join(dir, "changed.yaml")
	if err := os.WriteFile(changed, []byte(strings.Replace(sound, "weight: 50", "weight: 60", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	got := command(t, nil, "", "replay", "-f", changed, "--from", recording)
	if got.code != 0 || !strings.Contains(got.err, "was recorded under another spec") || !strings.Contains(got.out, "would have rolled back at ") {
		t.Errorf("under another spec: %+v", got)
	}
}
