package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
)

// A new version that cannot serve goes back with the reason, in words that help, while stable serves on.
func TestFaultyVersions(t *testing.T) {
	long(t, "each fault takes some seconds to show")
	cases := []struct {
		reason  string
		app     string
		process string
		canary  string
		proxy   string
		want    string   // the failure's reason
		says    []string // in its text
	}{
		{
			reason: "it never becomes healthy", app: "boot=never", canary: "progressDeadline: 2s\nsteps: [{weight: 50, hold: 1s}]",
			want: "NotReady", says: []string{"not ready within 2s", "0 of 1 replicas ready", "503"},
		},
		{
			reason: "it crashes at its start", app: "crash=start", canary: "progressDeadline: 2s\nsteps: [{weight: 50, hold: 1s}]",
			want: "NotReady", says: []string{"not ready within 2s", "exit status 3", "no database at db.example:5432"},
		},
		{
			reason: "it crashes on requests: the requests it took with it count", app: "crash=5",
			canary: quickJudge + "steps: [{weight: 50, hold: 8s}]",
			want:   "AnalysisFailed", says: []string{"failed, limit 5 %"},
		},
		{
			reason: "it takes requests and never answers", app: "hang=1", proxy: ", timeouts: {response: 500ms}",
			canary: "steps: [{weight: 20, hold: 10s}]",
			want:   "AnalysisFailed", says: []string{"on the canary"},
		},
		{
			reason: "there is no such program", process: "dir: /no/such/directory",
			canary: "progressDeadline: 2s\nsteps: [{weight: 50, hold: 1s}]",
			want:   "NotReady", says: []string{"/no/such/directory", "no such file or directory"},
		},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			s := start(t, spec{app: "version=v1", canary: c.canary, proxy: c.proxy}.yaml())
			s.over("shop", 15*time.Second)
			users := sendTo(t, s.url(), 100)
			users.settle(50)
			s.rewrite(spec{app: "version=v2&" + c.app, canary: c.canary, proxy: c.proxy, process: c.process}.yaml())
			r := s.over("shop-2", 30*time.Second)
			if r.Phase != plan.Returned || r.Failure == nil || r.Failure.Reason != c.want {
				t.Fatalf("want a rollback for %s, got %s", c.want, r.Headline)
			}
			for _, want := range c.says {
				if !strings.Contains(r.Failure.Text, want) {
					t.Errorf("want %q in %q", want, r.Failure.Text)
				}
			}
			rightProcesses(t, s, 2, "version=v1")
			onlyCanaryFailed(t, s, users)
		})
	}
}

// onlyCanaryFailed wants every request answered once the canary is gone, and those that failed before to be few: the
// canary's share of some seconds.
func onlyCanaryFailed(t *testing.T, s *running, users *load) {
	t.Helper()
	before := users.test.Snapshot().Total.Failures()
	users.settle(100)
	if r := users.end(); r.Total.Failures() != before || before > r.Total.Requests/2 || r.Missed > 0 {
		t.Errorf("%d failures while the canary was there, %d afterwards: %s; %v", before, r.Total.Failures()-before, r, r.Faults)
	}
}

// A version that does not listen to SIGTERM is killed when its grace is over, and does not hold up what comes after it.
func TestDeafVersion(t *testing.T) {
	long(t, "a grace has to pass")
	s := start(t, spec{app: "version=v1&deaf=1", process: "stop: {grace: 1s}", canary: quickJudge + "steps: [{weight: 50, hold: 1s}]"}.yaml())
	s.over("shop", 15*time.Second)
	users := sendTo(t, s.url(), 100)
	users.settle(50)
	s.rewrite(spec{app: "version=v2", canary: quickJudge + "steps: [{weight: 50, hold: 1s}]"}.yaml())
	if r := s.over("shop-2", 20*time.Second); r.Phase != plan.Succeeded {
		t.Fatalf("want promotion, got %s", r.Headline)
	}
	rightProcesses(t, s, 2, "version=v2")
	users.nothingLost("")
}

// A fixed port that somebody else has is named, and the old version comes back.
func TestPortTaken(t *testing.T) {
	long(t, "a deadline has to pass")
	text := func(version string, port int) string {
		return spec{
			app: "version=" + version, replicas: 1, proxy: ", patience: 15s",
			process: fmt.Sprintf("port: %d", port), canary: "strategy: recreate\nprogressDeadline: 2s",
		}.yaml()
	}
	mine, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mine.Close()
	_, free, _ := net.SplitHostPort(freeAddress(t))
	port, _ := strconv.Atoi(free)
	s := start(t, text("v1", port))
	s.over("shop", 15*time.Second)
	users := sendTo(t, s.url(), 50)
	users.settle(20)
	taken := mine.Addr().(*net.TCPAddr).Port
	s.rewrite(text("v2", taken))
	r := s.over("shop-2", 20*time.Second)
	if want := fmt.Sprintf("port %d is taken by another program", taken); r.Phase != plan.Returned || r.Failure == nil || !strings.Contains(r.Failure.Text, want) {
		t.Errorf("want a rollback because %s, got %s", want, r.Headline)
	}
	users.settle(20)
	users.nothingLost("")
	rightProcesses(t, s, 1, "version=v1")
}

// The address of the application is taken: serin says which, keeps trying, and serves once it is free.
func TestAddressTaken(t *testing.T) {
	s := prepare(t, spec{app: "version=v1"}.yaml())
	other, err := net.Listen("tcp", s.listen)
	if err != nil {
		t.Fatal(err)
	}
	s.start()
	s.until("shop", 10*time.Second, func(r progress.Release) bool {
		return strings.Contains(r.Trouble, s.listen) && strings.Contains(r.Trouble, "in use")
	})
	other.Close()
	if r := s.over("shop", 20*time.Second); r.Phase != plan.Succeeded || r.Trouble != "" {
		t.Errorf("want it to serve now, got %s; trouble %q", r.Headline, r.Trouble)
	}
}

// Without data nothing is promoted and nothing rolled back, whatever keeps the data away; a person is asked.
func TestIgnoranceHolds(t *testing.T) {
	long(t, "ignorance has to be watched for some seconds")
	scrape := "scrape: {timeout: 500ms}"
	cases := []struct {
		reason  string
		metrics string
		app     string
		rate    float64
		says    string // the verdict's reason
	}{
		{"nobody sends requests", "", "", 0, ""},
		{"the metrics endpoint hangs", scrape, "metrics=hang", 100, "canary"},
		{"the metrics are no numbers", scrape, "metrics=nan", 100, "canary"},
		{"the metrics never end", scrape, "metrics=huge", 100, "canary"},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			text := func(app string) string {
				return spec{app: app, metrics: c.metrics, canary: "steps: [{weight: 50, hold: 500ms}]\ninsufficient: {within: 2s}"}.yaml()
			}
			s := start(t, text("version=v1"))
			s.over("shop", 15*time.Second)
			if c.rate > 0 {
				users := sendTo(t, s.url(), c.rate)
				users.settle(50)
				defer users.nothingLost("")
			}
			s.rewrite(text("version=v2&" + c.app))
			s.until("shop-2", 15*time.Second, isAt("50%"))
			if got := s.cli("wait", "shop", "--for=completed", "--timeout", "700ms"); got.code != 4 {
				t.Errorf("wait: want exit code 4 before the patience is over, got %+v", got)
			}
			if got := s.cli("wait", "shop", "--for=completed", "--timeout", "20s"); got.code != 2 {
				t.Errorf("wait: want exit code 2 once a person is asked, got %+v", got)
			}
			r := s.get("shop")
			if r.Phase != plan.Progressing || r.StepName != "50%" || r.Waiting == nil || r.Waiting.For != "data" || !r.Waiting.Asked {
				t.Errorf("want it to hold at 50%% for want of data, got %s (%+v)", r.Headline, r.Waiting)
			}
			if v := r.Analyses[0]; v.Verdict != plan.Insufficient && v.Verdict != plan.Unavailable || !strings.Contains(v.Reason, c.says) {
				t.Errorf("verdict %s: %s", v.Verdict, v.Reason)
			}
			if most := memory(t, s.cmd.Process.Pid); most > 300<<10 {
				t.Errorf("serin took %d KiB of memory", most)
			}
		})
	}
}

// memory is the most a process ever had, in KiB.
func memory(t *testing.T, pid int) int {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(data)
	if err != nil || found == nil {
		t.Fatalf("read memory of serin: %v", err)
	}
	kib, _ := strconv.Atoi(string(found[1]))
	return kib
}

// A record that serin cannot understand is refused by name and left as it is.
func TestUnreadableRecord(t *testing.T) {
	cases := []struct {
		reason string
		spoil  func(t *testing.T, file string)
		says   string
	}{
		{"noise", func(t *testing.T, file string) { spoil(t, file, bytes.Repeat([]byte("noise"), 4000)) }, "damaged"},
		{"cut off", func(t *testing.T, file string) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			spoil(t, file, data[:len(data)/3])
		}, "damaged"},
		{"of a newer serin", newer, "format 99"},
	}
	s := start(t, spec{app: "version=v1"}.yaml())
	s.over("shop", 15*time.Second)
	s.stop()
	file := filepath.Join(s.dir, "state", "state.db")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			spoil(t, file, whole)
			c.spoil(t, file)
			before, _ := os.ReadFile(file)
			s.log = &capture{}
			s.start()
			if code := s.exit(20 * time.Second); code != 1 {
				t.Errorf("want exit code 1, got %d", code)
			}
			if text := s.log.String(); !strings.Contains(text, file) || !strings.Contains(text, c.says) || strings.Contains(text, "panic") {
				t.Errorf("want %q and %q in:\n%s", file, c.says, text)
			}
			if after, err := os.ReadFile(file); err != nil || !bytes.Equal(before, after) {
				t.Errorf("the record was changed (%v)", err)
			}
		})
	}
}

func spoil(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// newer gives the record the number of a format that does not exist yet.
func newer(t *testing.T, file string) {
	t.Helper()
	db, err := bbolt.Open(file, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("meta")).Put([]byte("format"), binary.BigEndian.AppendUint32(nil, 99))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Two serins on one directory would fight; the second is told and changes nothing.
func TestSecondSerin(t *testing.T) {
	s := start(t, spec{app: "version=v1"}.yaml())
	s.over("shop", 15*time.Second)
	before := s.processes()
	second := command(t, append(os.Environ(), mark+"="+s.mark), "", "run", "-f", s.file, "--dir", filepath.Join(s.dir, "state"))
	if second.code != 1 || !strings.Contains(second.err, "in use by another serin") {
		t.Errorf("want a refusal, got %+v", second)
	}
	if now := s.processes(); len(now) != len(before) {
		t.Errorf("processes changed: %v, before %v", now, before)
	}
	users := sendTo(t, s.url(), 100)
	users.settle(50)
	users.nothingLost("")
}

// While the disk is full traffic flows and the error can be seen; with space it goes on by itself.
func TestFullDisk(t *testing.T) {
	long(t, "a disk is filled and emptied in the middle of a release")
	if err := exec.Command("unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", t.TempDir()).Run(); err != nil {
		t.Skipf("SKIPPED: a full disk needs a small file system in a mount namespace of its own (root on Linux): %v", err)
	}
	text := func(app string) string {
		return spec{app: app, canary: quickJudge + "steps: [{weight: 10, hold: 4s}, {weight: 50, hold: 1s}]"}.yaml()
	}
	s := prepare(t, text("version=v1"))
	disk := filepath.Join(s.dir, "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	s.under = []string{"unshare", "-m", "sh", "-c", `disk=$1; shift; mount -t tmpfs -o size=2m tmpfs "$disk" && exec "$@"`, "sh", disk}
	if err := os.MkdirAll(filepath.Dir(s.socket()), 0o700); err != nil {
		t.Fatal(err)
	}
	s.flags = []string{"--dir", filepath.Join(disk, "state"), "--socket", s.socket()}
	s.start()
	s.over("shop", 15*time.Second)
	users := sendTo(t, s.url(), 100)
	users.settle(50)
	ballast := filepath.Join(fmt.Sprintf("/proc/%d/root", s.cmd.Process.Pid), disk, "ballast")
	fill(t, ballast)
	s.rewrite(text("version=v2")) // a release needs room of its own
	s.until("shop", 10*time.Second, func(r progress.Release) bool { return strings.Contains(r.Trouble, "no space left") })
	users.settle(200)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	s.until("shop-2", 15*time.Second, isAt("10%"))
	fill(t, ballast) // a release under way may or may not need more
	users.settle(200)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if r := s.over("shop-2", 40*time.Second); r.Phase != plan.Succeeded || r.Trouble != "" {
		t.Errorf("want promotion once there is space, got %s; trouble %q", r.Headline, r.Trouble)
	}
	users.nothingLost("")
	rightProcesses(t, s, 2, "version=v2")
}

// fill takes all space that is left on a file's disk.
func fill(t *testing.T, file string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 4096)
	for range 1 << 16 {
		if _, err := f.Write(block); err != nil {
			return
		}
	}
	t.Fatal("the disk has no end")
}
