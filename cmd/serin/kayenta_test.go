package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A canary config in a file of its own is found beside the settings that name it, wherever serin is started.
func TestJudgeAsKayenta(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{
		"JUDGE.yaml":  "kind: kayenta\nconfig: canary.json\n",
		"canary.json": `{"name":"c","metrics":[{"name":"latency","groups":["g"]}],"classifier":{"groupWeights":{"g":100}}}`,
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(bin, "judge", "-f", filepath.Join(dir, "JUDGE.yaml"))
	cmd.Stdin = strings.NewReader(
		`{"id":"a","metricSetPairList":[{"name":"latency","values":{"control":[1,2,3,4,5,6,7,8],"experiment":[21,22,23,24,25,26,27,28]}}],"scoreThresholds":{"pass":95,"marginal":75}}
{"id":"b","metricSetPairList":[{"name":"errors","values":{"control":[],"experiment":[]}}],"scoreThresholds":{"pass":95,"marginal":75}}
`)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	if len(lines) != 2 {
		t.Fatalf("%d answers to 2 lines: %s", len(lines), out)
	}
	var a struct {
		ID      string
		Results []struct{ Classification string }
		Score   struct{ Classification string }
	}
	if err := json.Unmarshal(lines[0], &a); err != nil {
		t.Fatal(err)
	}
	if a.ID != "a" || len(a.Results) != 1 || a.Results[0].Classification != "High" || a.Score.Classification != "Fail" {
		t.Errorf("answer %s", lines[0])
	}
	if want := `{"id":"b","error":"line 2: judge metricSetPairList[0]: the canary config has no metric \"errors\""}`; string(lines[1]) != want {
		t.Errorf("answer %s, want %s", lines[1], want)
	}
}
