package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
)

// acts are the commands by which a person changes what a release does.
func (p program) acts() []*cobra.Command {
	return []*cobra.Command{
		p.act(plan.Promote, "skip all that remains: the new revision becomes stable, in safe order"),
		p.act(plan.Pause, "hold a release where it is; evidence still rolls it back"),
		p.act(plan.Resume, "go on after a pause, or wait on after serin asked for a decision"),
		p.act(plan.Abort, "send a release back to stable"),
		p.act(progress.Retry, "release a revision again that was sent back"),
		p.act(plan.Approve, "give the approval that a release waits for"),
		p.act(plan.Reject, "refuse the approval that a release waits for, which sends it back"),
	}
}

func (p program) act(verb plan.Verb, short string) *cobra.Command {
	cmd := p.command(&cobra.Command{Use: string(verb) + " NAME", Short: short, Args: cobra.ExactArgs(1)})
	cmd.Long = fmt.Sprintf("%s: %s. Who did it and why is recorded with the release.", verb, short)
	reason := cmd.Flags().String("reason", "", "why, for the record")
	as := cmd.Flags().String("as", "", "who acts (default $USER)")
	step := cmd.Flags().Int("step", 0, "act only if the release is at this step (default: at any; an approval is for the step that asks now)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		actor, err := p.actor(*as)
		if err != nil {
			return err
		}
		act := progress.Act{Verb: verb, Actor: actor, Reason: *reason}
		if cmd.Flags().Changed("step") {
			act.Step = step
		}
		c, err := p.server(cmd)
		if err != nil {
			return err
		}
		return p.perform(cmd.Context(), c, args[0], act)
	}
	return cmd
}

// actor is who acts: nobody acts without a name.
func (p program) actor(as string) (string, error) {
	for _, name := range []string{as, p.Env("USER"), p.Env("LOGNAME")} {
		if name != "" {
			return name, nil
		}
	}
	return "", errors.New("say who acts with --as: $USER is not set, and every act is recorded with a name")
}

// perform sends the act. An approval is meant for the step that waits for it now: if the release moves on before serin hears
// of it, it is refused instead of approving what nobody has seen.
func (p program) perform(ctx context.Context, c Server, name string, act progress.Act) error {
	if act.Step == nil && (act.Verb == plan.Approve || act.Verb == plan.Reject) {
		r, err := p.release(ctx, c, []string{name})
		if err != nil {
			return fmt.Errorf("%s %s: %w", act.Verb, name, err)
		}
		act.Step = &r.Step
	}
	if err := c.Act(ctx, name, act); err != nil {
		return fmt.Errorf("%s %s: %w", act.Verb, name, known(ctx, c, err))
	}
	line := fmt.Sprintf("%s: %s by %s is recorded", name, act.Verb, act.Actor)
	if act.Reason != "" {
		line += ": " + act.Reason
	}
	_, err := fmt.Fprintln(p.Out, say(plain, line).paint(Style{}))
	return err
}
