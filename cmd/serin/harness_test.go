package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"serin.dev/serin/internal/cli"
	"serin.dev/serin/internal/progress"
)

// mark is in the environment of every process that a test starts, so that those left behind can be found.
const mark = "SERIN_TEST_RUN"

// A running is the real program at work in a directory of its own.
type running struct {
	t      *testing.T
	dir    string
	file   string // its first file
	files  []string
	listen string
	mark   string
	client *cli.Client
	flags  []string // further flags of `serin run`
	under  []string // program and arguments that serin is started through

	log    *capture
	cmd    *exec.Cmd
	exited chan struct{}
}

// A capture is what a program writes, readable while it runs.
type capture struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (c *capture) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Write(p)
}

func (c *capture) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

// prepare makes a directory and everything but the process.
func prepare(t *testing.T, yaml ...string) *running {
	t.Helper()
	dir, err := os.MkdirTemp("", "serin-t-") // short: a socket's path may have 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	s := &running{t: t, dir: dir, listen: freeAddress(t), mark: filepath.Base(dir), log: &capture{}}
	s.client = cli.NewClient(s.socket())
	for i, text := range yaml {
		s.files = append(s.files, filepath.Join(dir, fmt.Sprintf("app%d.yaml", i)))
		s.write(s.files[i], text)
	}
	s.file = s.files[0]
	t.Cleanup(s.cleanUp)
	return s
}

// start starts serin on the given files. The words LISTEN and DIR in them stand for its address and directory.
func start(t *testing.T, yaml ...string) *running {
	t.Helper()
	s := prepare(t, yaml...)
	s.start()
	return s
}

func (s *running) socket() string { return filepath.Join(s.dir, "state", "serin.sock") }
func (s *running) url() string    { return "http://" + s.listen + "/" }

// start begins the process, for the first time or again on the same directory.
func (s *running) start() {
	s.t.Helper()
	args := []string{bin, "run", "--dir", filepath.Join(s.dir, "state")}
	for _, f := range s.files {
		args = append(args, "-f", f)
	}
	args = append(append(s.under[:len(s.under):len(s.under)], args...), s.flags...)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), mark+"="+s.mark)
	cmd.Stdout, cmd.Stderr = s.log, s.log
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { cmd.Wait(); close(exited) }()
	s.cmd, s.exited = cmd, exited
}

// stop asks serin to drain and returns its exit code.
func (s *running) stop() int {
	s.t.Helper()
	s.cmd.Process.Signal(syscall.SIGTERM)
	return s.exit(60 * time.Second)
}

// kill ends serin at once; what it started lives on.
func (s *running) kill() {
	s.t.Helper()
	s.cmd.Process.Kill()
	s.exit(10 * time.Second)
}

// exit waits for serin to end and returns its exit code.
func (s *running) exit(within time.Duration) int {
	s.t.Helper()
	select {
	case <-s.exited:
	case <-time.After(within):
		s.t.Fatalf("serin did not end within %s", within)
	}
	return s.cmd.ProcessState.ExitCode()
}

// cleanUp ends what is left, tells the log of a failed test, and fails the test if a process outlived its serin.
func (s *running) cleanUp() {
	if s.cmd != nil {
		s.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.exited:
		case <-time.After(20 * time.Second):
			s.t.Errorf("serin did not end within 20s of SIGTERM")
			s.cmd.Process.Kill()
			<-s.exited
		}
	}
	if left := s.processes(); len(left) > 0 {
		s.t.Errorf("%d processes were left behind: %v", len(left), left)
		for pid := range left {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	if log := s.log.String(); strings.Contains(log, "DATA RACE") || strings.Contains(log, "panic") {
		s.t.Error("serin panicked or, if built so, found a race")
	}
	if s.t.Failed() {
		s.t.Logf("log of serin:\n%s", s.log)
	}
	os.RemoveAll(s.dir)
}

// processes lists the applications that run, by pid, with their settings.
func (s *running) processes() map[int]string {
	found := map[int]string{}
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(data, []byte(mark+"="+s.mark+"\x00")) {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		for _, v := range strings.Split(string(data), "\x00") {
			if settings, ok := strings.CutPrefix(v, appSettings+"="); ok {
				found[pid] = settings
			}
		}
	}
	return found
}

// rewrite replaces serin's first file as a whole.
func (s *running) rewrite(yaml string) {
	s.t.Helper()
	s.write(s.file, yaml)
}

func (s *running) write(file, yaml string) {
	s.t.Helper()
	words := strings.NewReplacer("LISTEN", s.listen, "DIR", s.dir, "MARK", s.mark)
	next := file + ".next"
	if err := os.WriteFile(next, []byte(words.Replace(yaml)), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(next, file); err != nil {
		s.t.Fatal(err)
	}
}

// get returns a release as it is now.
func (s *running) get(name string) progress.Release {
	s.t.Helper()
	r, err := s.client.Release(context.Background(), name)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

var errSeen = errors.New("seen")

// busy is how many times longer than on an idle machine a wait may take before the test fails: others may need the
// processors too, and noise on them is what judges see as noise in latencies.
const busy = 6

// until watches a release until it is as wanted, and returns it. It waits for a release, and for a serin, that is not there yet.
func (s *running) until(name string, within time.Duration, wanted func(progress.Release) bool) progress.Release {
	s.t.Helper()
	within *= busy
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	var last progress.Release
	for ctx.Err() == nil {
		err := s.client.Watch(ctx, name, func(r progress.Release) error {
			last = r
			if wanted(r) {
				return errSeen
			}
			return nil
		})
		switch {
		case errors.Is(err, errSeen):
			return last
		case errors.Is(err, cli.ErrNotFound), errors.Is(err, cli.ErrNoServer), errors.Is(err, cli.ErrGone), errors.Is(err, context.DeadlineExceeded):
			await(ctx, 20*time.Millisecond)
		default:
			s.t.Fatalf("watch %s: %v", name, err)
		}
	}
	s.t.Fatalf("%s was not as wanted within %s: %s; trouble %q; events %v; analyses %+v", name, within, last.Headline, last.Trouble, last.Events, last.Analyses)
	return last
}

func await(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// eventually asks again and again whether something is so.
func eventually(t *testing.T, within time.Duration, what string, so func() bool) {
	t.Helper()
	within *= busy
	for end := time.Now().Add(within); !so(); {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", within, what)
		}
		await(context.Background(), 20*time.Millisecond)
	}
}

// over waits for the end of a release.
func (s *running) over(name string, within time.Duration) progress.Release {
	s.t.Helper()
	return s.until(name, within, func(r progress.Release) bool { return r.Phase.Over() })
}

// A said is what a command said.
type said struct {
	out, err string
	code     int
}

// cli runs a command of the real program against this serin.
func (s *running) cli(args ...string) said {
	s.t.Helper()
	return command(s.t, append(os.Environ(), "SERIN_SOCKET="+s.socket(), "USER=ana"), "", args...)
}

// command runs the real program to its end.
func command(t *testing.T, env []string, input string, args ...string) said {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, args...)
	var out, errs bytes.Buffer
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, strings.NewReader(input), &out, &errs
	err := cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("serin %s did not end within 90s:\n%s%s", strings.Join(args, " "), &out, &errs)
	}
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return said{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// freeAddress is below the ports that systems give to outgoing connections, so that it stays free while serin is down.
func freeAddress(t *testing.T) string {
	t.Helper()
	for i := range 2000 {
		address := fmt.Sprintf("127.0.0.1:%d", 11000+(os.Getpid()*37+int(time.Now().UnixMicro())+i)%8000)
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("no free port")
	return ""
}
