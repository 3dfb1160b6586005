package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

// An Ejector is a Server that can take serin's hands off a target: what serin added goes, what it held goes on by itself.
type Ejector interface {
	// Eject returns when the target is on its own, or says what keeps it from being so.
	Eject(ctx context.Context, name string) error
}

// eject makes the command that lets a target go.
func (p program) eject() *cobra.Command {
	var timeout time.Duration
	cmd := p.command(&cobra.Command{
		Use:   "eject NAME",
		Short: "take serin's hands off a target on a cluster, and delete its Canary",
		Long: "eject deletes a Canary and waits until its target is on its own: a release under way goes back first, the route stands as its\n" +
			"owner wrote it, the workload goes on with its stable revision, and what serin made is gone. No request is lost on the way.",
		Example: "  serin eject checkout -n shop",
		Args:    cobra.ExactArgs(1),
	})
	cmd.Flags().DurationVar(&timeout, "timeout", 5*time.Minute, "how long to wait")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s, err := p.server(cmd)
		if err != nil {
			return err
		}
		from, ok := s.(Ejector)
		if !ok {
			return errors.New("eject: a target of this machine has nobody else to run it; name a cluster with --namespace or --kubeconfig")
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
		defer cancel()
		if err := from.Eject(ctx, args[0]); err != nil {
			return fmt.Errorf("eject %s: %w", args[0], err)
		}
		_, err = fmt.Fprintf(p.Out, "%s: serin's hands are off\n", args[0])
		return err
	}
	return cmd
}
