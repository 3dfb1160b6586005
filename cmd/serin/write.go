package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"serin.dev/serin/internal/catalog"
	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/replay"
	"serin.dev/serin/internal/simulation"
	"serin.dev/serin/internal/wiring"
)

func lintCommand() *cobra.Command {
	var names []string
	var strict bool
	c := &cobra.Command{
		Use: "lint -f FILE...", Short: "check files without running anything",
		Long:    "lint prints diagnostics as file:line:column: severity: field: message and exits 1 on errors, with --strict also on warnings.",
		Example: "  serin lint -f examples/weighted.yaml", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			drafts, notes := wiring.ReadFiles(names)
			for _, d := range drafts {
				_, found := compile.Compile(d, "previous", catalog.Known().Abilities(d))
				notes = append(notes, found...)
			}
			return told(c, notes, strict)
		},
	}
	files(c, &names)
	c.Flags().BoolVar(&strict, "strict", false, "warnings are errors")
	return c
}

func told(c *cobra.Command, notes compile.Notes, strict bool) error {
	tell(c.ErrOrStderr(), notes)
	if notes.Err() || strict && len(notes) > 0 {
		return exit{code: 1}
	}
	return nil
}

func simulateCommand() *cobra.Command {
	var names []string
	var scenario, record string
	var seed uint64
	var limit time.Duration
	c := &cobra.Command{
		Use: "simulate -f FILE... --scenario NAME --seed N", Short: "let the release happen in a simulated world, and print its story",
		Long: "simulate runs the compiler, engine and judge of `serin run` against a simulated cluster with a known truth. The same seed\n" +
			"tells the same story.\n\nScenarios:\n" + scenarios(),
		Example: "  serin simulate -f examples/minimal.yaml --scenario errors --seed 1", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			chosen, ok := simulation.Named(scenario)
			if !ok {
				return fmt.Errorf("no scenario %q; there are:\n%s", scenario, scenarios())
			}
			drafts, notes := wiring.ReadFiles(names)
			if err := told(c, notes, false); err != nil {
				return err
			}
			if record != "" && len(drafts) != 1 {
				return fmt.Errorf("--record keeps one release, and these files hold %d", len(drafts))
			}
			for _, d := range drafts {
				story := simulation.Story{Scenario: chosen, Seed: seed, Limit: limit, Judge: catalog.Judge, Out: c.OutOrStdout()}
				if err := tellStory(c, d, story, record); err != nil {
					return err
				}
			}
			return nil
		},
	}
	files(c, &names)
	c.Flags().StringVar(&scenario, "scenario", "good", "what happens")
	c.Flags().Uint64Var(&seed, "seed", 1, "of everything random")
	c.Flags().StringVar(&record, "record", "", "write the looks to this file, for `serin replay`")
	c.Flags().DurationVar(&limit, "limit", 12*time.Hour, "simulated time after which the story is not followed further")
	return c
}

func scenarios() (text string) {
	for _, s := range simulation.Scenarios() {
		text += fmt.Sprintf("  %-12s %s\n", s.Name, s.Text)
	}
	return text
}

func tellStory(c *cobra.Command, d compile.Draft, story simulation.Story, record string) error {
	var e simulation.Ending
	tell := func() (err error) {
		e, err = simulation.Tell(d, story)
		return err
	}
	err := error(nil)
	if record == "" {
		err = tell()
	} else {
		err = recorded(record, d, func(r *replay.Recorder) error {
			story.Looked = r.See
			return tell()
		})
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "\n%s after %s: %d requests met the new revision, %d were lost\n", e.Doing(), e.Took.Round(time.Second), e.Canary, e.Lost)
	for _, b := range e.Broken {
		fmt.Fprintln(c.OutOrStdout(), "broken promise: "+b)
	}
	if len(e.Broken) > 0 {
		return exit{1, "a promise was broken: this is a defect of serin"}
	}
	return nil
}
