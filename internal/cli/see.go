package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"serin.dev/serin/internal/progress"
)

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }

func (p program) get() *cobra.Command {
	cmd := p.command(&cobra.Command{
		Use:   "get [NAME]",
		Short: "show a release: what it does and why, its traffic, replicas, metrics and steps",
		Long:  "Show a release. NAME is a Canary, which means its latest release, or one release. Without a name: the only one, or the list.",
		Args:  cobra.MaximumNArgs(1),
	})
	out := formats(cmd, "wide", "json", "yaml", "name")
	follow := cmd.Flags().BoolP("watch", "w", false, "go on showing it as it changes")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := p.server(cmd)
		if err != nil {
			return err
		}
		if *follow {
			return p.follow(cmd.Context(), c, args, *out)
		}
		if len(args) == 0 {
			all, err := c.List(cmd.Context())
			if err != nil || len(all) != 1 {
				return p.writeList(all, err, *out)
			}
			return p.write(all[0], *out)
		}
		r, err := p.release(cmd.Context(), c, args)
		if err != nil {
			return err
		}
		return p.write(r, *out)
	}
	return cmd
}

func (p program) list() *cobra.Command {
	cmd := p.command(&cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "list the latest release of every target", Args: cobra.NoArgs,
	})
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	out := formats(cmd, "wide", "json", "yaml", "name")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := p.server(cmd)
		if err != nil {
			return err
		}
		all, err := c.List(cmd.Context())
		return p.writeList(all, err, *out)
	}
	return cmd
}

func (p program) watch() *cobra.Command {
	cmd := p.command(&cobra.Command{
		Use: "watch [NAME]", Short: "show a release as it changes", Args: cobra.MaximumNArgs(1),
		Long: "Show a release as it changes: on a terminal one block that is redrawn, anywhere else the block once and then one line per change. Ends with the interrupt key.",
	})
	out := formats(cmd, "json", "yaml", "name")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := p.server(cmd)
		if err != nil {
			return err
		}
		return p.follow(cmd.Context(), c, args, *out)
	}
	return cmd
}

func (p program) explain() *cobra.Command {
	cmd := p.command(&cobra.Command{
		Use: "explain [NAME]", Short: "tell why a release does what it does, with all evidence", Args: cobra.MaximumNArgs(1),
	})
	metric := cmd.Flags().String("metric", "", "tell this metric alone")
	out := formats(cmd, "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := p.server(cmd)
		if err != nil {
			return err
		}
		r, err := p.release(cmd.Context(), c, args)
		if err != nil {
			return err
		}
		if *out != plainText {
			return p.write(r, *out)
		}
		page, err := Explain(r, *metric, p.style(), p.width())
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(p.Out, page)
		return err
	}
	return cmd
}

func (p program) history() *cobra.Command {
	cmd := p.command(&cobra.Command{
		Use: "history [NAME]", Short: "list the releases of a target, newest first", Args: cobra.MaximumNArgs(1),
	})
	out := formats(cmd, "json", "yaml", "name")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := p.server(cmd)
		if err != nil {
			return err
		}
		r, err := p.release(cmd.Context(), c, args)
		if err != nil {
			return err
		}
		return p.writeHistory(r, *out)
	}
	return cmd
}

func (p program) writeHistory(r progress.Release, out format) error {
	lines := struct {
		Items []progress.Line `json:"items"`
	}{append([]progress.Line{}, r.History...)}
	switch out {
	case jsonText:
		return writeJSON(p.Out, lines)
	case yamlText:
		return writeYAML(p.Out, lines)
	case nameText:
		for _, l := range lines.Items {
			fmt.Fprintln(p.Out, l.Release)
		}
		return nil
	}
	_, err := fmt.Fprint(p.Out, History(r, p.style(), p.width()))
	return err
}

// write shows one release.
func (p program) write(r progress.Release, out format) error {
	switch out {
	case jsonText:
		return writeJSON(p.Out, r)
	case yamlText:
		return writeYAML(p.Out, r)
	case nameText:
		_, err := fmt.Fprintln(p.Out, r.Name)
		return err
	}
	_, err := fmt.Fprint(p.Out, Block(r, p.style(), p.width(), out == wideText))
	return err
}

// writeList shows many releases.
func (p program) writeList(all []progress.Release, err error, out format) error {
	if err != nil {
		return err
	}
	list := progress.List{Items: append([]progress.Release{}, all...)}
	switch {
	case out == jsonText:
		return writeJSON(p.Out, list)
	case out == yamlText:
		return writeYAML(p.Out, list)
	case out == nameText:
		for _, r := range all {
			fmt.Fprintln(p.Out, r.Name)
		}
		return nil
	case len(all) == 0:
		_, err := fmt.Fprintln(p.Err, "nothing has been released yet")
		return err
	}
	_, err = fmt.Fprint(p.Out, Table(all, p.style(), p.width(), out == wideText))
	return err
}

// follow shows a release until the user has seen enough.
func (p program) follow(ctx context.Context, c Server, args []string, out format) error {
	r, err := p.release(ctx, c, args)
	if err != nil {
		return err
	}
	name := r.Canary
	if len(args) == 1 {
		name = args[0]
	}
	see := p.seer(out)
	err = p.ticking(ctx, func(ctx context.Context, seen func(progress.Release) error) error {
		return c.Watch(ctx, name, seen)
	}, see)
	if errors.Is(err, context.Canceled) {
		return nil // the interrupt key
	}
	return err
}

// seer writes each state of a release in a format.
func (p program) seer(out format) func(progress.Release) error {
	switch out {
	case jsonText:
		e := json.NewEncoder(p.Out)
		e.SetEscapeHTML(false)
		return func(r progress.Release) error { return e.Encode(r) }
	case yamlText:
		return func(r progress.Release) error {
			if _, err := fmt.Fprintln(p.Out, "---"); err != nil {
				return err
			}
			return writeYAML(p.Out, r)
		}
	case nameText:
		return func(r progress.Release) error { return p.write(r, nameText) }
	}
	live := p.live()
	return func(r progress.Release) error { live.Show(r); return nil }
}

// ticking hands every state that watch sees to see. On a terminal the last one is shown again each second with the time of
// the clock, so that what is left of a wait can be watched running out.
func (p program) ticking(ctx context.Context, watch func(context.Context, func(progress.Release) error) error, see func(progress.Release) error) error {
	if !p.tty() {
		return watch(ctx, see)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	states, ended := make(chan progress.Release), make(chan error, 1)
	go func() {
		ended <- watch(ctx, func(r progress.Release) error {
			select {
			case states <- r:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	var last progress.Release
	for {
		select {
		case err := <-ended:
			return err
		case last = <-states:
		case <-second.C:
			if last.Name == "" || last.Phase.Over() {
				continue
			}
			last.At = p.Now().In(last.At.Location())
		}
		if err := see(last); err != nil {
			return err
		}
	}
}
