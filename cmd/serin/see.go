package main

import (
	"os"
	"time"

	"github.com/spf13/cobra"

	"serin.dev/serin/internal/cli"
	"serin.dev/serin/internal/wiring"
)

// seeCommands are those that show releases and act on them, by asking the running serin.
func seeCommands() []*cobra.Command {
	return cli.Commands(cli.IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.Getenv, Now: time.Now, Cluster: wiring.NewRemote})
}
