package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"serin.dev/serin/internal/catalog"
	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/judge/forecast"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/wiring"
)

// A planning is what `serin plan` was asked.
type planning struct {
	files   []string
	first   bool
	rps     float64
	failing share
	output  string
}

// A planned is one plan, and at given traffic what its judge can find.
type planned struct {
	Plan     plan.Plan          `json:"plan"`
	Forecast *forecast.Forecast `json:"forecast,omitempty"`

	replicas int
}

func planCommand() *cobra.Command {
	p := planning{failing: 0.005}
	c := &cobra.Command{
		Use: "plan -f FILE...", Short: "print what a release will do, step by step",
		Long: "plan compiles the files as `serin run` does and prints the plan of a release over a revision called \"previous\":\n" +
			"each step with its state, what it waits for, where it goes on failure, and the field it comes from.\n\n" +
			"With --rps it also tells what the native judge can find at each step with so much traffic, how soon and at what cost, and\n" +
			"when a good release has leave to promote. A step that can find nothing in its time is warned of.",
		Example: "  serin plan -f examples/weighted.yaml\n  serin plan -f examples/weighted.yaml --rps 100 --failures 0.5%", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return p.run(c) },
	}
	files(c, &p.files)
	c.Flags().BoolVar(&p.first, "first", false, "the first release of each target, with nothing to compare with")
	c.Flags().Float64Var(&p.rps, "rps", 0, "requests per second that each target gets")
	c.Flags().Var(&p.failing, "failures", "share of its requests that stable fails")
	c.Flags().StringVarP(&p.output, "output", "o", "", "how to write: json")
	return c
}

func (p planning) run(c *cobra.Command) error {
	switch {
	case p.output != "" && p.output != "json":
		return fmt.Errorf("no format %q; there is json", p.output)
	case p.rps < 0 || p.rps > 1e9:
		return fmt.Errorf("--rps %g: want requests per second", p.rps)
	case !c.Flags().Changed("rps") && c.Flags().Changed("failures"):
		return fmt.Errorf("--failures needs --rps: what is found depends on how many requests there are")
	}
	drafts, notes := wiring.ReadFiles(p.files)
	all := []planned{}
	for _, d := range drafts {
		one, found, err := p.plan(d)
		if err != nil {
			return err
		}
		if notes = append(notes, found...); !found.Err() {
			all = append(all, one)
		}
	}
	if err := p.write(c.OutOrStdout(), all); err != nil {
		return err
	}
	return told(c, notes, false)
}

// plan compiles one draft and looks ahead.
func (p planning) plan(d compile.Draft) (planned, compile.Notes, error) {
	stable := plan.Revision("previous")
	if p.first {
		stable = ""
	}
	made, notes := compile.Compile(d, stable, catalog.Known().Abilities(d))
	one := planned{Plan: made, replicas: d.Target.Replicas}
	if notes.Err() || p.rps == 0 {
		return one, notes, nil
	}
	f, ok, err := forecast.Of(made, forecast.Traffic{Rate: p.rps, Failures: float64(p.failing)})
	if err != nil || !ok {
		return one, notes, err
	}
	one.Forecast = &f
	for _, s := range f.Steps {
		if text := f.Futile(s); text != "" {
			notes.Warn(holdOf(d, s.Origin), "%s", text)
		}
	}
	return one, notes, nil
}

// holdOf is the place of the time that a step is held.
func holdOf(d compile.Draft, step plan.Origin) plan.Origin {
	for _, m := range d.Moves {
		if m.Origin == step {
			return m.At("hold")
		}
	}
	return step
}

func (p planning) write(out io.Writer, all []planned) error {
	if p.output == "json" {
		e := json.NewEncoder(out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(map[string]any{"items": all})
	}
	for i, one := range all {
		if i > 0 {
			fmt.Fprintln(out)
		}
		if err := compile.Print(out, one.Plan, one.replicas); err != nil {
			return err
		}
		if one.Forecast != nil {
			if err := one.Forecast.Print(out); err != nil {
				return err
			}
		}
	}
	return nil
}

// A share is written in per cent: "0.5%".
type share float64

func (s share) String() string { return strconv.FormatFloat(100*float64(s), 'g', 4, 64) + "%" }
func (*share) Type() string    { return "percent" }

// Set reads a share.
func (s *share) Set(text string) error {
	number, ok := strings.CutSuffix(text, "%")
	value, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(value >= 0 && value < 100) {
		return fmt.Errorf("want per cent, for instance 0.5%%")
	}
	*s = share(value / 100)
	return nil
}
