package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"serin.dev/serin/internal/progress"
)

// An IO is what commands read from and write to.
type IO struct {
	In       io.Reader
	Out, Err io.Writer
	Env      func(string) string
	Now      func() time.Time
	Cluster  func(Reach) (Server, error) // nil: this program knows no clusters
}

// Commands returns the commands that show releases and act on them.
func Commands(io IO) []*cobra.Command {
	p := program{IO: io}
	commands := []*cobra.Command{p.get(), p.list(), p.watch(), p.explain(), p.history(), p.report(), p.wait()}
	return append(append(commands, p.acts()...), p.eject())
}

// A program makes commands.
type program struct{ IO }

// command finishes a command about at most one release: its arguments, its completion, the socket.
func (p program) command(cmd *cobra.Command) *cobra.Command {
	where(cmd)
	cmd.ValidArgsFunction = p.complete
	cmd.SilenceUsage = true
	return cmd
}

// completion waits this long for a running serin; a shell must not hang.
const patience = 500 * time.Millisecond

// complete offers the names of the releases there are.
func (p program) complete(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	server, err := p.server(cmd)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	releases, err := server.List(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, r := range releases {
		names = append(names, cobra.CompletionWithDesc(r.Canary, string(r.To)+" "+r.Doing))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// tty reports whether commands write to a terminal that can move its cursor.
func (p program) tty() bool {
	f, ok := p.Out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && p.Env("TERM") != "dumb"
}

// width is that of the terminal, of $COLUMNS where there is none, else a usual one.
func (p program) width() int {
	if width, _ := p.size(); width > 0 {
		return width
	}
	if w, err := strconv.Atoi(p.Env("COLUMNS")); err == nil && w > 0 {
		return w
	}
	return usualWidth
}

// size is that of the terminal, in cells; 0, 0 where there is none.
func (p program) size() (width, height int) {
	f, ok := p.Out.(*os.File)
	if !ok {
		return 0, 0
	}
	width, height, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0, 0
	}
	return width, height
}

func (p program) style() Style { return StyleFor(p.Env, p.tty()) }

// live shows on the program's output.
func (p program) live() *Live {
	l := NewLive(p.Out, p.tty(), p.width)
	l.Style = p.style()
	if _, rows := p.size(); rows > 0 {
		l.Height = func() int { _, rows := p.size(); return rows }
	}
	return l
}

// release is the one that the arguments name; without a name, the only one there is.
func (p program) release(ctx context.Context, c Server, args []string) (progress.Release, error) {
	if len(args) == 1 {
		r, err := c.Release(ctx, args[0])
		return r, known(ctx, c, err)
	}
	all, err := c.List(ctx)
	if err != nil {
		return progress.Release{}, err
	}
	if len(all) == 1 {
		return all[0], nil
	}
	return progress.Release{}, fmt.Errorf("say which release: %s", named(all))
}

// known adds to an unknown name the ones there are.
func known(ctx context.Context, c Server, err error) error {
	if !isNotFound(err) {
		return err
	}
	all, failed := c.List(ctx)
	if failed != nil {
		return err
	}
	return fmt.Errorf("%w; there are: %s", err, named(all))
}

func named(all []progress.Release) string {
	if len(all) == 0 {
		return "none yet"
	}
	var names []string
	for _, r := range all {
		names = append(names, r.Canary)
	}
	return strings.Join(names, ", ")
}
