package cli

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
	"serin.dev/serin/internal/progress/scenes"
)

// two is a serin with two releases: checkout waits for approval, cart is rolled back.
func two(t *testing.T) *fakeSerin {
	a, b := progress.Of(scenes.Approval()), progress.Of(scenes.RolledBack())
	b.Canary, b.Name = "cart", "cart-7"
	return (&fakeSerin{all: []progress.Release{a, b}}).serve(t)
}

func TestSeeing(t *testing.T) {
	cases := []struct {
		reason string
		args   string
		want   string // in the output
	}{
		{"a release by its Canary", "get checkout", "WAITING FOR APPROVAL at 20%"},
		{"a release by its own name", "get cart-7", "ROLLED BACK"},
		{"several without a name are a list", "get", "NAME "},
		{"wide shows instances", "get checkout -o wide", "http://127.0.0.1:40200"},
		{"its name", "get checkout -o name", "checkout-7\n"},
		{"JSON with the fields of the format", "get checkout -o json", `"headline": "Waiting for approval`},
		{"YAML in the same order", "get checkout -o yaml", "format: 1\nname: checkout-7\ncanary: checkout\n"},
		{"a list", "list", "cart"},
		{"a list of names", "list -o name", "checkout-7\ncart-7\n"},
		{"a list is items", "list -o json", `"items": [`},
		{"why", "explain checkout", "app.yaml:16: spec.steps[2].approve"},
		{"why, of one metric", "explain checkout --metric latency", "212ms over 91230 requests"},
		{"what was before", "history checkout", "checkout-5"},
		{"what was before, as data", "history checkout -o json", `"release": "checkout-5"`},
	}
	serin := two(t)
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			out, _, err := serin.run(t, strings.Fields(c.args)...)
			if err != nil || !strings.Contains(out, c.want) {
				t.Errorf("serin %s: want %q, got %v:\n%s", c.args, c.want, err, out)
			}
		})
	}
}

func TestYAMLSaysWhatJSONSays(t *testing.T) {
	serin := two(t)
	inJSON, _, _ := serin.run(t, "list", "-o", "json")
	inYAML, _, _ := serin.run(t, "list", "-o", "yaml")
	var a, b any
	if err := json.Unmarshal([]byte(inJSON), &a); err != nil {
		t.Fatal(err)
	}
	var plainYAML any
	if err := yaml.Unmarshal([]byte(inYAML), &plainYAML); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(plainYAML)
	if err != nil {
		t.Fatal(err)
	}
	json.Unmarshal(again, &b)
	if !reflect.DeepEqual(a, b) {
		t.Errorf("differs:\n%s\n%s", inJSON, inYAML)
	}
}

func TestActing(t *testing.T) {
	three := 3
	cases := []struct {
		reason string
		args   string
		want   progress.Act
	}{
		{"an approval is for the step that was seen", "approve checkout", progress.Act{Verb: plan.Approve, Actor: "ana", Step: &three}},
		{"a rejection as well", "reject checkout --reason no", progress.Act{Verb: plan.Reject, Actor: "ana", Reason: "no", Step: &three}},
		{"who acts can be said", "promote checkout --as bob", progress.Act{Verb: plan.Promote, Actor: "bob"}},
		{"a step can be given", "pause checkout --step 3", progress.Act{Verb: plan.Pause, Actor: "ana", Step: &three}},
		{"what was sent back can be tried again", "retry checkout", progress.Act{Verb: progress.Retry, Actor: "ana"}},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			serin := two(t)
			out, _, err := serin.run(t, strings.Fields(c.args)...)
			if err != nil || !strings.Contains(out, "is recorded") {
				t.Fatalf("serin %s: %v: %s", c.args, err, out)
			}
			if len(serin.acts) != 1 || !reflect.DeepEqual(serin.acts[0], c.want) {
				t.Errorf("serin %s: sent %+v, want %+v", c.args, serin.acts, c.want)
			}
		})
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	serin := two(t)
	serin.refuse = "the release is already going back"
	dir := t.TempDir()
	dead := filepath.Join(dir, "dead")
	if err := os.WriteFile(dead, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		reason string
		args   []string
		want   []string
	}{
		{"nobody listens", []string{"get", "--socket", filepath.Join(dir, "none")}, []string{"no serin is running here", filepath.Join(dir, "none"), "serin run -f FILE"}},
		{"a socket that was left behind", []string{"list", "--socket", dead}, []string{"no serin is running here", dead}},
		{"a path that no socket can have", []string{"list", "--socket", "/" + strings.Repeat("x", 200)}, []string{"at most 107 bytes", "201"}},
		{"no such release", []string{"get", "chekout"}, []string{"no release of chekout", "there are: checkout, cart"}},
		{"no such release to act on", []string{"promote", "chekout"}, []string{"promote chekout", "there are: checkout, cart"}},
		{"which one", []string{"explain"}, []string{"say which release: checkout, cart"}},
		{"a refusal in serin's own words", []string{"promote", "checkout"}, []string{"promote checkout: the release is already going back"}},
		{"a format that is none", []string{"list", "-o", "xml"}, []string{"wide, json, yaml, name"}},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			_, _, err := serin.run(t, c.args...)
			if err == nil {
				t.Fatal("want an error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("want %q in %q", want, err)
				}
			}
		})
	}
}

func TestNobodyActsWithoutAName(t *testing.T) {
	p := program{IO{Env: func(string) string { return "" }}}
	if who, err := p.actor(""); err == nil {
		t.Errorf("%q acts", who)
	}
}

func TestSocketWithoutPermission(t *testing.T) {
	if os.Getuid() == 0 {
		err := NewClient("/x").unreachable(context.Background(), &os.PathError{Op: "dial", Path: "/x", Err: os.ErrPermission})
		if !strings.Contains(err.Error(), "permission denied: act as the user who started serin") {
			t.Errorf("got %v", err)
		}
		return // root may open everything, so the kernel cannot be asked
	}
	serin := two(t)
	if err := os.Chmod(serin.socket, 0); err != nil {
		t.Fatal(err)
	}
	_, _, err := serin.run(t, "list")
	if err == nil || !strings.Contains(err.Error(), "permission denied: act as the user who started serin") {
		t.Errorf("got %v", err)
	}
}

func TestCompletionOffersReleases(t *testing.T) {
	out, _, err := two(t).run(t, "__complete", "get", "")
	if err != nil || !strings.Contains(out, "checkout\tv42 waiting for approval at 20%\n") || !strings.Contains(out, "cart\t") {
		t.Errorf("got %v:\n%s", err, out)
	}
	nobody := &fakeSerin{socket: filepath.Join(t.TempDir(), "none")}
	if out, _, err := nobody.run(t, "__complete", "get", ""); err != nil || !strings.HasPrefix(out, ":4") {
		t.Errorf("without a serin nothing is offered and nothing fails: %v:\n%s", err, out)
	}
}

func TestWatchEndsWhenSerinDoes(t *testing.T) {
	serin := two(t)
	serin.story, serin.cut = []progress.Release{serin.all[0]}, 1
	out, _, err := serin.run(t, "watch", "checkout")
	if !errors.Is(err, ErrGone) || !strings.Contains(out, "WAITING FOR APPROVAL") {
		t.Errorf("got %v:\n%s", err, out)
	}
	serin.cut = 0
	ctx, interrupt := context.WithCancel(context.Background())
	client := NewClient(serin.socket)
	err = client.Watch(ctx, "checkout", func(progress.Release) error { interrupt(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted watch says so: %v", err)
	}
}

func TestWatchAsJSONIsOneLinePerState(t *testing.T) {
	serin := two(t)
	serin.story, serin.cut = []progress.Release{serin.all[0]}, 1
	out, _, _ := serin.run(t, "get", "checkout", "-w", "-o", "json")
	var r progress.Release
	if err := json.Unmarshal([]byte(out), &r); err != nil || strings.Count(out, "\n") != 1 || r.Name != "checkout-7" {
		t.Errorf("got %v: %s", err, out)
	}
}

func TestVersion(t *testing.T) {
	if v, err := NewClient(two(t).socket).Version(context.Background()); err != nil || v != "v1.2.3" {
		t.Errorf("got %q, %v", v, err)
	}
}
