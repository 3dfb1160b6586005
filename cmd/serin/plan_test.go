package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// With its traffic a plan tells what can be found, and warns at the field of a step that finds nothing in its time.
func TestPlanWithTraffic(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shop.yaml")
	if err := os.WriteFile(file, []byte(sound), 0o600); err != nil {
		t.Fatal(err)
	}
	plenty := command(t, nil, "", "plan", "-f", file, "--rps", "100", "--failures", "0.2%")
	for _, part := range []string{"at 100 requests/s, of which stable fails 0.2%", "leave to promote: typically "} {
		if plenty.code != 0 || plenty.err != "" || !strings.Contains(plenty.out, part) {
			t.Errorf("plan at 100 requests/s does not say %q: %+v", part, plenty)
		}
	}
	scarce := command(t, nil, "", "plan", "-f", file, "--rps", "0.3", "-o", "json")
	at := file + ":18:24: warning: spec.steps[0].hold: at 0.3 requests/s the canary gets 1.8 requests in 1m, too few to find even a version that fails every one"
	if scarce.code != 0 || !strings.HasPrefix(scarce.err, at) {
		t.Errorf("plan at 0.3 requests/s warns of %q, want %q", scarce.err, at)
	}
	var answer struct {
		Items []struct {
			Plan     struct{ Target string }
			Forecast struct {
				Steps []struct{ Hold, Needs string }
			}
		}
	}
	if err := json.Unmarshal([]byte(scarce.out), &answer); err != nil {
		t.Fatal(err)
	}
	if len(answer.Items) != 1 || answer.Items[0].Plan.Target != "Process/shop" || len(answer.Items[0].Forecast.Steps) != 2 || answer.Items[0].Forecast.Steps[0].Needs == "" {
		t.Errorf("as JSON: %s", scarce.out)
	}
	if without := command(t, nil, "", "plan", "-f", file, "--failures", "1%"); without.code != 1 || !strings.Contains(without.err, "--failures needs --rps") {
		t.Errorf("without --rps: %+v", without)
	}
}
