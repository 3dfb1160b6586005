package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/replay"
	"serin.dev/serin/internal/standalone"
	"serin.dev/serin/internal/wiring"
)

func runCommand() *cobra.Command {
	var o wiring.Options
	var drain time.Duration
	var asJSON bool
	var record string
	c := &cobra.Command{
		Use:   "run -f FILE...",
		Short: "release on this machine what the files say, and go on when they change",
		Long: "run keeps the targets in the files running, serves them through the embedded proxy, and releases a new revision whenever\n" +
			"a file changes. SIGTERM drains: requests under way are answered before anything stops. A killed run is continued by the next.",
		Example: "  serin run -f examples/weighted.yaml",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.Log, o.Version = logger(c.ErrOrStderr(), asJSON), version
			var kept *replay.Recorder
			if record != "" {
				if err := os.MkdirAll(record, 0o755); err != nil {
					return fmt.Errorf("keep looks: %w", err)
				}
				kept = replay.InFolder(record)
				o.Looked = kept.See
			}
			s, err := wiring.NewStandalone(o)
			if s != nil {
				tell(c.ErrOrStderr(), s.Notes)
			}
			if err != nil {
				return invalid(err)
			}
			o.Log.Info("releasing", "files", o.Files)
			err = s.Run(c.Context())
			o.Log.Info("draining")
			ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), drain)
			defer cancel()
			err = errors.Join(err, s.Close(ctx))
			if kept != nil {
				err = errors.Join(err, kept.End())
			}
			return err
		},
	}
	files(c, &o.Files)
	c.Flags().StringVar(&o.Dir, "dir", ".serin", "directory of the record, logs and socket")
	c.Flags().StringVar(&o.Socket, "socket", "", "socket for the command line (default serin.sock in --dir)")
	c.Flags().DurationVar(&drain, "drain", 40*time.Second, "how long requests under way may take when told to stop")
	c.Flags().StringVar(&record, "record", "", "folder in which the looks of each release are kept, for serin replay")
	c.Flags().BoolVar(&asJSON, "log-json", false, "log as JSON lines")
	return c
}

func files(c *cobra.Command, into *[]string) {
	c.Flags().StringArrayVarP(into, "file", "f", nil, "file with Canaries and their targets; may be given several times")
	if err := c.MarkFlagRequired("file"); err != nil {
		panic(err) // the flag was defined one line above
	}
}

func logger(out io.Writer, asJSON bool) *slog.Logger {
	if asJSON {
		return slog.New(slog.NewJSONHandler(out, nil))
	}
	return slog.New(slog.NewTextHandler(out, nil))
}

// tell writes notes as compilers do.
func tell(out io.Writer, notes compile.Notes) {
	for _, n := range notes {
		fmt.Fprintln(out, n)
	}
}

// invalid leaves out the general words where the notes have said what is wrong.
func invalid(err error) error {
	if errors.Is(err, standalone.ErrInvalid) {
		return exit{1, "nothing was started"}
	}
	return err
}

// exit is an error with an exit code of its own; an empty text is not printed.
type exit struct {
	code int
	text string
}

func (e exit) Error() string { return e.text }
func (e exit) ExitCode() int { return e.code }
