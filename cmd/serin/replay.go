package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"serin.dev/serin/internal/catalog"
	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/metric/prometheus"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
	"serin.dev/serin/internal/replay"
	"serin.dev/serin/internal/report"
	"serin.dev/serin/internal/wiring"
)

// A rerun is what `serin replay` was asked.
type rerun struct {
	files          []string
	from           string
	start, end     moment
	every          time.Duration
	stable, canary string
	preset         string
	revision       string
	record, report string
	output         string
}

func replayCommand() *cobra.Command {
	r := rerun{}
	c := &cobra.Command{
		Use: "replay [NAME] -f FILE --from PROMETHEUS|RECORDING", Short: "tell what a release would have decided on recorded metrics",
		Long: "replay runs the compiler, engine and judge of a release against metrics that were recorded: out of a Prometheus, whose counters\n" +
			"are read as the metric store `prometheus` reads them, or out of a file that --record wrote. It tells when the release would have\n" +
			"acted and why, and what that would have saved. Nothing is touched. Approvals are taken as given.\n\n" +
			"A Prometheus does not know which instances were on which track: --stable and --canary say it, as expressions that names of\n" +
			"pods match (outside of a cluster the label instance, HOST:PORT; for presets of routers the names of the two Services).",
		Example: "  serin replay -f checkout.yaml --from http://prometheus:9090 --start 2026-05-04T09:00:00Z --end 2026-05-04T10:00:00Z \\\n" +
			"    --stable 'checkout-6d4f.*' --canary 'checkout-7c9b.*' --record friday.jsonl\n" +
			"  serin replay -f checkout.yaml --from friday.jsonl --report friday.html",
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return r.run(c, args) },
	}
	files(c, &r.files)
	f := c.Flags()
	f.StringVar(&r.from, "from", "", "URL of a Prometheus, or a recording")
	f.Var(&r.start, "start", "when the release begins: 2026-05-04T09:00:00Z, or so long ago: 2h (default: with the recording)")
	f.Var(&r.end, "end", "when the recording ends, in the same way (default: now, or with the recording)")
	f.DurationVar(&r.every, "every", 0, "between instants read from a Prometheus (default: between looks)")
	f.StringVar(&r.stable, "stable", "", "instances of stable in a Prometheus")
	f.StringVar(&r.canary, "canary", "", "instances of the canary in a Prometheus")
	f.StringVar(&r.preset, "preset", "", "how the instances count, for a Prometheus (default: the Canary's own, or podinfo)")
	f.StringVar(&r.revision, "target-rev", "", "what to call the new revision")
	f.StringVar(&r.record, "record", "", "write what was read to this file, to be replayed")
	f.StringVar(&r.report, "report", "", "write a page about the release to this file (.html, .md, .xml, .json or .txt)")
	f.StringVarP(&r.output, "output", "o", "", "how to write: json")
	if err := c.MarkFlagRequired("from"); err != nil {
		panic(err) // the flag was defined above
	}
	return c
}

func (r *rerun) run(c *cobra.Command, args []string) error {
	if r.output != "" && r.output != "json" {
		return fmt.Errorf("no format %q; there is json", r.output)
	}
	drafts, notes := wiring.ReadFiles(r.files)
	for _, d := range drafts {
		_, found := compile.Compile(d, "previous", catalog.Known().Abilities(d))
		notes = append(notes, found...)
	}
	if err := told(c, notes, false); err != nil {
		return err
	}
	if r.report != "" {
		if _, err := report.ByName(r.report); err != nil {
			return err // before an hour of metrics is read
		}
	}
	d, err := chosen(drafts, args)
	if err != nil {
		return err
	}
	return r.play(c, d)
}

// chosen is the draft that is meant.
func chosen(drafts []compile.Draft, args []string) (compile.Draft, error) {
	var names []string
	for _, d := range drafts {
		if names = append(names, d.Name); len(args) == 1 && d.Name == args[0] || len(args) == 0 && len(drafts) == 1 {
			return d, nil
		}
	}
	return compile.Draft{}, fmt.Errorf("say which release: %s", strings.Join(names, ", "))
}

func (r *rerun) play(c *cobra.Command, d compile.Draft) error {
	tape, done, err := r.open(c, d)
	if err != nil {
		return err
	}
	defer done()
	job := replay.Replay{Draft: d, Tape: tape, Start: r.start.Time, End: r.end.Time, Judge: catalog.Judge, Out: c.OutOrStdout()}
	if r.output == "json" {
		job.Out = nil
	}
	var result replay.Result
	play := func(keep io.Writer) (err error) {
		job.Keep = keep
		result, err = replay.Run(c.Context(), job)
		return err
	}
	if r.record == "" {
		err = play(nil)
	} else {
		err = written(r.record, play)
	}
	if err != nil {
		return err
	}
	if r.report != "" {
		if err := r.tell(result.Release); err != nil {
			return err
		}
	}
	if r.output == "json" {
		e := json.NewEncoder(c.OutOrStdout())
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(result)
	}
	fmt.Fprintln(c.OutOrStdout())
	return result.Print(c.OutOrStdout())
}

// tell writes the report.
func (r *rerun) tell(release progress.Release) error {
	format, err := report.ByName(r.report)
	if err != nil {
		return err
	}
	return written(r.report, func(out io.Writer) error { return report.Of(release).Write(out, format) })
}

// written makes a file of what write writes: all of it, or what was there before.
func written(name string, write func(io.Writer) error) error {
	part, err := os.CreateTemp(filepath.Dir(name), ".serin-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer os.Remove(part.Name()) // gone when it was renamed
	if err := write(part); err != nil {
		return errors.Join(err, part.Close())
	}
	if err := errors.Join(part.Chmod(0o644), part.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return os.Rename(part.Name(), name)
}

// open finds the recording.
func (r *rerun) open(c *cobra.Command, d compile.Draft) (replay.Tape, func(), error) {
	spec, err := replay.Digest(d)
	if err != nil {
		return nil, nil, err
	}
	if strings.HasPrefix(r.from, "http://") || strings.HasPrefix(r.from, "https://") {
		tape, err := r.ask(c, d, spec)
		return tape, func() {}, err
	}
	in, err := os.Open(r.from)
	if err != nil {
		return nil, nil, fmt.Errorf("open the recording: %w", err)
	}
	tape, err := replay.Read(r.from, in)
	if err != nil {
		in.Close()
		return nil, nil, err
	}
	if h := tape.Head(); h.Target != d.Target.Key() {
		in.Close()
		return nil, nil, fmt.Errorf("%s is a recording of %s, not of %s", r.from, h.Target, d.Target.Key())
	} else if h.Spec != "" && h.Spec != spec {
		fmt.Fprintf(c.ErrOrStderr(), "%s was recorded under another spec: this is what yours would have decided\n", r.from)
	}
	return tape, func() { in.Close() }, nil
}

// ask makes a tape of a Prometheus.
func (r *rerun) ask(c *cobra.Command, d compile.Draft, spec string) (replay.Tape, error) {
	switch {
	case r.stable == "" || r.canary == "":
		return nil, errors.New("a Prometheus does not know who was on which track: say it with --stable and --canary")
	case r.start.IsZero():
		return nil, errors.New("say with --start when the release begins")
	case len(d.Analyses) == 0:
		return nil, fmt.Errorf("nothing is judged in the release of %s", d.Target.Key())
	}
	if r.end.IsZero() {
		r.end.Time = time.Now()
	}
	a := d.Analyses[0]
	q := replay.Query{
		Address: r.from, Target: d.Target.Key(), Start: r.start.Time, End: r.end.Time, Every: r.every,
		Members: map[plan.TrackName]string{plan.Stable: r.stable, plan.Canary: r.canary},
	}
	if q.Every == 0 {
		if q.Every = a.Every; q.Every == 0 {
			q.Every = 5 * time.Second
		}
	}
	var notes compile.Notes
	if a.Source.Kind == prometheus.Driver.Name {
		q.With = a.Source.With
	} else if r.preset == "" {
		notes.Warn(a.Origin, "requests are counted by %s; from Prometheus they are read with the preset podinfo; --preset names another", a.Source.Kind)
	}
	if r.preset != "" {
		q.With, _ = json.Marshal(map[string]string{"preset": r.preset}) // strings always encode
	}
	with, err := q.Settings()
	if err == nil {
		err = prometheus.Check(with)
	}
	if err != nil {
		notes.Refuse(a.Origin, "ask Prometheus: %v", err)
	}
	if err := told(c, notes, false); err != nil {
		return nil, err
	}
	revision := d.Target.Revision
	if r.revision != "" {
		revision = plan.Revision(r.revision)
	}
	head := replay.Head{Spec: spec, Target: q.Target, Tracks: map[plan.TrackName]plan.Revision{plan.Stable: "previous"}}
	if revision != "" {
		head.Tracks[plan.Canary] = revision
	}
	return replay.FromPrometheus(head, q)
}

// A moment is a time that users write.
type moment struct{ time.Time }

func (m *moment) String() string {
	if m.IsZero() {
		return ""
	}
	return m.Format(time.RFC3339)
}

// Type says how a moment is written.
func (*moment) Type() string { return "time" }

// Set reads a moment.
func (m *moment) Set(text string) error {
	if ago, err := time.ParseDuration(strings.TrimPrefix(text, "-")); err == nil {
		m.Time = time.Now().Add(-ago)
		return nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return errors.New("want a time such as 2026-05-04T09:00:00Z, or how long ago: 2h")
	}
	m.Time = at
	return nil
}

// recorded writes down the looks of a release that happens meanwhile.
func recorded(name string, d compile.Draft, run func(*replay.Recorder) error) error {
	spec, err := replay.Digest(d)
	if err != nil {
		return err
	}
	return written(name, func(out io.Writer) error {
		r := &replay.Recorder{Spec: spec, Open: func(string) (io.WriteCloser, error) { return open{out}, nil }}
		err := errors.Join(run(r), r.End())
		if err == nil && r.Kept() == 0 {
			return errors.New("nothing was recorded: no look was taken")
		}
		return err
	})
}

// open stays so when it is closed: somebody else does that.
type open struct{ io.Writer }

func (open) Close() error { return nil }
