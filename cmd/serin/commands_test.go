package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
)

const people = quickJudge + "groups: {sre: [ana, bo]}\nsteps: [{weight: 10, hold: 500ms}, {approve: {group: sre, within: 1h}}, {weight: 50, hold: 1h}]\n"

// A release in the hands of people: held, asked for, refused to strangers, approved, promoted, sent back, tried again.
func TestPeople(t *testing.T) {
	long(t, "four releases under load")
	s := start(t, spec{app: "version=v1", canary: people}.yaml())
	s.over("shop", 15*time.Second)
	users := sendTo(t, s.url(), 100)
	users.settle(50)
	do := func(code int, says string, args ...string) {
		t.Helper()
		got := s.cli(args...)
		if got.code != code || !strings.Contains(got.out+got.err, says) {
			t.Fatalf("serin %s: want exit code %d and %q, got %+v", strings.Join(args, " "), code, says, got)
		}
	}
	release := func(version string) { s.rewrite(spec{app: "version=" + version, canary: people}.yaml()) }
	asked := func(r progress.Release) bool { return r.Waiting != nil && r.Waiting.For == "approval" }

	release("v2")
	s.until("shop-2", 15*time.Second, asked)
	do(3, "approval", "wait", "shop", "--for=completed", "--timeout", "10s")
	do(1, "mallory", "approve", "shop", "--as", "mallory")
	do(0, "recorded", "pause", "shop", "--reason", "lunch")
	do(0, "recorded", "approve", "shop", "--as", "bo")
	s.until("shop-2", 5*time.Second, func(r progress.Release) bool {
		return r.Waiting != nil && r.Waiting.For == "person" && strings.Contains(r.Headline, "lunch")
	})
	do(0, "recorded", "resume", "shop")
	s.until("shop-2", 10*time.Second, isAt("50%"))
	do(4, "timed out", "wait", "shop", "--for=completed", "--timeout", "500ms")
	do(0, "recorded", "promote", "shop", "--reason", "looks good")
	do(0, "", "wait", "shop", "--for=completed", "--timeout", "20s")
	if r := s.over("shop-2", 5*time.Second); r.Phase != plan.Succeeded || len(r.Acts) != 4 || r.Acts[1].Actor != "bo" || r.Acts[3].Reason != "looks good" {
		t.Errorf("want promotion and four acts with their actors, got %s: %+v", r.Headline, r.Acts)
	}
	do(1, "over", "pause", "shop")

	release("v3")
	s.until("shop-3", 15*time.Second, asked)
	do(0, "recorded", "reject", "shop", "--as", "ana", "--reason", "not today")
	do(1, "Rejected by ana: not today", "wait", "shop", "--for=completed", "--timeout", "20s")
	do(0, "recorded", "retry", "shop")
	do(3, "approval", "wait", "shop", "--for=completed", "--timeout", "10s")
	s.until("shop-4", 15*time.Second, asked)
	if r := s.get("shop"); r.Attempt != 2 || !strings.HasPrefix(string(r.To), "v3-") {
		t.Errorf("want the second attempt of v3, got attempt %d of %s", r.Attempt, r.To)
	}
	do(0, "recorded", "abort", "shop", "--reason", "changed my mind")
	do(1, "Aborted by ana: changed my mind", "wait", "shop", "--for=completed", "--timeout", "20s")
	do(6, "not found", "wait", "nothing", "--timeout", "1s")
	users.nothingLost("")
	rightProcesses(t, s, 2, "version=v2")
}

// What programs read is valid; the socket is for its owner alone.
func TestReading(t *testing.T) {
	s := start(t, spec{app: "version=v1"}.yaml())
	s.over("shop", 15*time.Second)
	for _, args := range []string{"list -o json", "get shop -o json", "get shop-1 -o json", "explain shop -o json", "history shop -o json"} {
		got := s.cli(strings.Fields(args)...)
		var v any
		if err := json.Unmarshal([]byte(got.out), &v); got.code != 0 || err != nil || got.err != "" {
			t.Errorf("serin %s: %v: %+v", args, err, got)
		}
	}
	for _, args := range []string{"get", "get shop", "list", "explain shop", "history shop", "version"} {
		if got := s.cli(strings.Fields(args)...); got.code != 0 || strings.TrimSpace(got.out) == "" || strings.Contains(got.out, "\x1b") {
			t.Errorf("serin %s: %+v", args, got)
		}
	}
	if info, err := os.Stat(s.socket()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket: %v %v", info.Mode(), err)
	}
	if got := command(t, append(os.Environ(), "SERIN_SOCKET="+s.dir+"/none"), "", "list"); got.code == 0 || !strings.Contains(got.err, "no serin is running here") {
		t.Errorf("without a serin: %+v", got)
	}
	if got := s.cli("get", "shpo"); got.code == 0 || !strings.Contains(got.err, "shop") {
		t.Errorf("a wrong name: %+v", got)
	}
}

// A path too long for a socket is refused with the remedy.
func TestLongPath(t *testing.T) {
	s := prepare(t, spec{app: "version=v1"}.yaml())
	s.flags = []string{"--socket", filepath.Join(s.dir, strings.Repeat("x", 120))}
	s.start()
	if code := s.exit(10 * time.Second); code != 1 || !strings.Contains(s.log.String(), "at most 107 bytes") || !strings.Contains(s.log.String(), "--socket") {
		t.Errorf("want a refusal with its remedy, got %d:\n%s", code, s.log)
	}
}

// `serin watch` goes on for longer than any timeout of the socket.
func TestWatchGoesOn(t *testing.T) {
	long(t, "the server's timeouts have to pass")
	s := start(t, spec{app: "version=v1"}.yaml())
	s.over("shop", 15*time.Second)
	cmd := exec.Command(bin, "watch", "shop", "-o", "json", "--socket", s.socket())
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		t.Fatalf("watch ended by itself: %v\n%s", err, &out)
	case <-time.After(7 * time.Second):
	}
	s.rewrite(spec{app: "version=v2", canary: "judge: {kind: none}\nsteps: [{weight: 50, hold: 100ms}]"}.yaml())
	s.over("shop-2", 15*time.Second)
	await(t.Context(), 500*time.Millisecond)
	cmd.Process.Signal(os.Interrupt)
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		cmd.Process.Kill()
		t.Error("watch does not end when interrupted")
	}
	if !strings.Contains(out.String(), `"name":"shop-2"`) {
		t.Errorf("watch missed the release:\n%s", &out)
	}
}

// Every example ends as it should in the simulated world, in the same way every time.
func TestSimulateExamples(t *testing.T) {
	files, err := filepath.Glob("../../examples/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no examples")
	}
	for _, file := range files {
		for scenario, end := range map[string]string{"good": "promoted", "errors": "rolled back"} {
			if filepath.Base(file) == "recreate.yaml" {
				end = "promoted" // there is never anything to compare with, and it is not asked to be held
			}
			t.Run(filepath.Base(file)+" "+scenario, func(t *testing.T) {
				t.Parallel()
				args := []string{"simulate", "-f", file, "--scenario", scenario, "--seed", "3"}
				first, second := command(t, os.Environ(), "", args...), command(t, os.Environ(), "", args...)
				lines := strings.Split(strings.TrimSpace(first.out), "\n")
				if last := lines[len(lines)-1]; first.code != 0 || !strings.HasPrefix(last, end) || !strings.HasSuffix(last, " 0 were lost") {
					t.Errorf("want %q without loss, got exit code %d, %q %s", end, first.code, last, first.err)
				}
				if first != second {
					t.Errorf("the same seed told two stories")
				}
			})
		}
	}
}

// The judge answers each line before it reads the next, and says which line it could not read.
func TestJudgeLineByLine(t *testing.T) {
	cmd := exec.Command(bin, "judge")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stuck := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
	defer stuck.Stop()
	answers := bufio.NewScanner(out)
	look := `{"release":"r1","t":5,"weight":10,"tracks":{"stable":{"pods":{"a":{"requests":400,"failures":2,"le":[0.1,1],"buckets":[380,400]}}},"canary":{"pods":{"b":{"requests":40,"failures":40,"le":[0.1,1],"buckets":[40,40]}}}}}`
	for i, line := range []string{look, "nonsense", strings.Replace(look, `"t":5`, `"t":10`, 1)} {
		if _, err := in.Write([]byte(line + "\n")); err != nil {
			t.Fatal(err)
		}
		if !answers.Scan() {
			t.Fatalf("line %d is not answered", i+1)
		}
		want := `"release":"r1"`
		if i == 1 {
			want = `"error":"line 2`
		}
		if !json.Valid(answers.Bytes()) || !strings.Contains(answers.Text(), want) {
			t.Errorf("line %d: want %s in %s", i+1, want, answers.Text())
		}
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("want exit code 0 at the end of input: %v", err)
	}
}

// TestDemo runs the demo as users do.
func TestDemo(t *testing.T) {
	long(t, "the demo takes a minute")
	podinfo := os.Getenv("PODINFO_BIN")
	if podinfo == "" {
		t.Skip("SKIPPED: PODINFO_BIN does not name the demo's application; `make test` builds it")
	}
	got := command(t, os.Environ(), "", "demo", "--app", podinfo)
	for _, want := range []string{"good version  promoted", "bad version   rolled back", " 0 caused by the releases"} {
		if !strings.Contains(got.out, want) {
			t.Errorf("want %q", want)
		}
	}
	if got.code != 0 || t.Failed() {
		t.Errorf("exit code %d:\n%s%s", got.code, got.out, got.err)
	}
}
