package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// needed are files that come with the machine, and the Debian packages that have them.
var needed = []struct{ file, pkg string }{
	{"/usr/bin/containerd", "containerd"},
	{"/usr/sbin/runc", "runc"},
	{"/usr/lib/cni/bridge", "containernetworking-plugins"},
	{"/usr/sbin/iptables", "iptables"},
	{"/usr/sbin/nft", "nftables"},
}

// installPackages installs what the machine lacks, without starting any service.
func installPackages(ctx context.Context, log io.Writer) error {
	var missing []string
	for _, n := range needed {
		if _, err := os.Stat(n.file); err != nil {
			missing = append(missing, n.pkg)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	fmt.Fprintf(log, "install %v ...\n", missing)
	if err := apt(ctx, "update", "-q"); err != nil {
		return err
	}
	return apt(ctx, append([]string{"install", "-qy", "--no-install-recommends"}, missing...)...)
}

func apt(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "apt-get", args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1") // RUNLEVEL: start no service
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("this is no Debian: install containerd, runc, containernetworking-plugins, iptables and nftables yourself: %w", err)
	} else if err != nil {
		return fmt.Errorf("apt-get %s: %w\n%s", args[0], err, said.Bytes())
	}
	return nil
}
