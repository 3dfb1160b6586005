package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A course is what one play is given: a tool, and how much of everything.
type course struct {
	Tool     string
	Program  string   // of the tool
	CRDs     []string // files
	Idle     int      // applications
	Active   int      // of them get a new revision
	Window   time.Duration
	Limit    time.Duration // until all have settled
	AuditLog string
	Out      string // file of the readings
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var err error
	if len(os.Args) == 3 && os.Args[1] == "play" { // inside the control plane's network
		err = playFile(ctx, os.Args[2])
	} else {
		err = bench(ctx, os.Args[1:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "scale: "+err.Error())
		os.Exit(1)
	}
}

// A benchmark is what the command line asks for.
type benchmark struct {
	cluster, name, serin, readings, out, beside string
	tools                                       []string
	sizes                                       []size
	window, limit                               time.Duration
}

func bench(ctx context.Context, args []string) error {
	var b benchmark
	var tools, sizes string
	f := flag.NewFlagSet("scale", flag.ContinueOnError)
	f.StringVar(&b.cluster, "cluster", "bin/cluster", "the program of e2e/cluster")
	f.StringVar(&b.name, "name", "scale", "of the control plane")
	f.StringVar(&b.serin, "serin", "bin/serin", "the program to be measured")
	f.StringVar(&tools, "tools", strings.Join(names(), ","), "in this order")
	f.StringVar(&sizes, "sizes", "1000/100,10000/500", "IDLE/ACTIVE, separated by commas")
	f.StringVar(&b.readings, "readings", "bin/scale-readings", "folder of the readings; what is there in full is not measured again")
	f.StringVar(&b.out, "out", "", "file for the table; default: none is written")
	f.StringVar(&b.beside, "beside", "nothing", "what else the machine does, for the table")
	f.DurationVar(&b.window, "window", 2*time.Minute, "how long each state is measured")
	f.DurationVar(&b.limit, "limit", 30*time.Minute, "how long a tool may take to settle")
	if err := f.Parse(args); err != nil {
		return err
	}
	b.tools = strings.Split(tools, ",")
	var err error
	if b.sizes, err = parseSizes(sizes); err != nil {
		return err
	}
	if err := os.MkdirAll(b.readings, 0o755); err != nil {
		return err
	}
	for _, s := range b.sizes {
		for _, t := range b.tools {
			if err := b.play(ctx, t, s); err != nil {
				return fmt.Errorf("measure %s with %d applications: %w", t, s.idle, err)
			}
		}
	}
	if b.out == "" {
		return nil
	}
	return report(b)
}

// play measures one tool at one size in a control plane of its own.
func (b benchmark) play(ctx context.Context, tool string, s size) (err error) {
	t, ok := tools()[tool]
	if !ok {
		return fmt.Errorf("no tool is called %q: there are %v", tool, names())
	}
	out := filepath.Join(b.readings, fmt.Sprintf("%05d-%s.json", s.idle, tool))
	if r, err := readResult(out); err == nil && r.Active == s.active && r.AtWork.Seconds > 0 {
		fmt.Fprintf(os.Stderr, "%s with %d applications: %s has it\n", tool, s.idle, out)
		return nil
	}
	parts, err := b.parts(ctx, t)
	if err != nil {
		return err
	}
	if err := b.run(ctx, "--name", b.name, "down"); err != nil { // what an interrupted run has left
		return err
	}
	if err := b.run(ctx, "--name", b.name, "up", "--control-plane"); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, b.run(context.WithoutCancel(ctx), "--name", b.name, "down"))
	}()
	c := course{
		Tool: tool, Program: b.serin, Idle: s.idle, Active: s.active, Window: b.window, Limit: b.limit,
		AuditLog: "/var/lib/serin-cluster/" + b.name + "/logs/audit.log", Out: out,
	}
	if c.CRDs, err = t.definitions(parts); err != nil {
		return err
	}
	if t.part != "" {
		c.Program = filepath.Join(parts[t.part], t.program)
	}
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	file := c.Out + ".course"
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return err
	}
	defer os.Remove(file)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return b.run(ctx, "--name", b.name, "run", "--", self, "play", file)
}

// parts builds what a tool needs and tells where it lies.
func (b benchmark) parts(ctx context.Context, t tool) (map[string]string, error) {
	cmd := exec.CommandContext(ctx, b.cluster, append([]string{"build"}, t.needs...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("build %v: %w", t.needs, err)
	}
	lines := strings.Fields(string(out))
	if len(lines) != len(t.needs) {
		return nil, fmt.Errorf("build %v: want as many paths, got %q", t.needs, out)
	}
	found := map[string]string{}
	for i, name := range t.needs {
		found[name] = lines[i]
	}
	return found, nil
}

// run runs the cluster's program; an interrupt lets it end by itself.
func (b benchmark) run(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, b.cluster, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", b.cluster, strings.Join(args, " "), err)
	}
	return nil
}

type size struct{ idle, active int }

func parseSizes(text string) ([]size, error) {
	var all []size
	for word := range strings.SplitSeq(text, ",") {
		var s size
		if _, err := fmt.Sscanf(word, "%d/%d", &s.idle, &s.active); err != nil || s.active > s.idle || s.active < 1 {
			return nil, fmt.Errorf("size %q: want IDLE/ACTIVE, for instance 1000/100", word)
		}
		all = append(all, s)
	}
	return all, nil
}

func playFile(ctx context.Context, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var c course
	if err := json.Unmarshal(text, &c); err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	log.SetFlags(log.Ltime)
	log.SetPrefix(fmt.Sprintf("%s %d/%d: ", c.Tool, c.Idle, c.Active))
	return play(ctx, c)
}
