package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

func runCommand(name *string) *cobra.Command {
	c := &cobra.Command{
		Use:   "run -- COMMAND [ARGUMENT...]",
		Short: "run a command inside the cluster's network, with KUBECONFIG, kubectl and helm",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, command []string) error {
			s, err := running(*name)
			if err != nil {
				return err
			}
			return s.become(command)
		},
		PreRunE: asRoot,
	}
	c.Flags().SetInterspersed(false) // what follows the command is its own
	return c
}

// become turns this process into the command, so signals and the exit status need no passing on.
func (s site) become(command []string) error {
	tools := filepath.Dir(s.Program("kubernetes", "kubectl")) + ":" + filepath.Dir(s.Program("helm", "helm"))
	env := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		switch strings.ToLower(name) {
		case "kubeconfig", "path", "http_proxy", "https_proxy", "all_proxy": // no proxy can be reached from inside
			return true
		}
		return false
	})
	path := tools + ":" + os.Getenv("PATH")
	env = append(env, "KUBECONFIG="+s.Kubeconfig(), "PATH="+path)
	if err := os.Setenv("PATH", path); err != nil { // for the look-up that follows
		return err
	}
	program, err := exec.LookPath(command[0])
	if err != nil {
		return err
	}
	if err := s.Namespace().Enter(); err != nil {
		return err
	}
	return fmt.Errorf("run %s: %w", program, unix.Exec(program, command, env))
}

// Program is the path of a part's file.
func (s site) Program(part, file string) string { return s.cache.Program(part, file) }
