package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"serin.dev/serin/e2e/cluster/internal/netns"
	"serin.dev/serin/e2e/cluster/internal/process"
)

// cniResults is where the network plug-ins write down what they made, for all clusters of the machine.
const cniResults = "/var/lib/cni/results"

// grace is how long a daemon may take to end by itself when the cluster goes down.
const grace = 3 * time.Second

// Down ends everything and leaves nothing. It needs none of the cluster's own services, so it also clears away what is left of
// a cluster whose daemons have died. The order: who starts processes, then the processes, then what they stood on.
func (c *Cluster) Down(ctx context.Context) error {
	for _, name := range []string{"kubelet", "kube-proxy", "scheduler", "controller-manager", "containerd"} {
		if err := c.daemons().Stop(name, grace); err != nil {
			return err
		}
	}
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"end the pods' shims", c.endShims},
		{"end the pods", c.endPods},
		{"stop the registry", func() error { return c.daemons().Stop("registry", grace) }},
		{"stop the API server", func() error { return c.daemons().Stop("apiserver", time.Second) }}, // it would wait for its watchers
		{"stop etcd", func() error { return c.daemons().Stop("etcd", grace) }},
		{"unmount", c.unmount},
		{"remove the pods' network namespaces", c.removePodNetworks},
		{"remove the network namespace", c.Namespace().Remove},
		{"remove the control groups", func() error {
			return eventually(ctx, c.removeCgroups) // a group is busy for a moment after its last process ended
		}},
		{"remove links to logs", c.removeLogLinks},
		{"remove the state", func() error { return os.RemoveAll(c.Dir) }},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return nil
}

// endShims ends containerd's helpers: those that were started with our socket. Each leaves a socket outside of our directory.
func (c *Cluster) endShims() error {
	addresses, err := filepath.Glob(c.Path("containerd/state/io.containerd.runtime.v2.task/*/*/address"))
	if err != nil {
		return err
	}
	procs, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return err
	}
	for _, file := range procs {
		line, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		args := strings.Split(string(bytes.TrimRight(line, "\x00")), "\x00")
		if !strings.Contains(args[0], "containerd-shim") || !slices.Contains(args, c.Containerd()) {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err := kill(pid); err != nil {
			return err
		}
	}
	for _, file := range addresses {
		if text, err := os.ReadFile(file); err == nil {
			os.Remove(strings.TrimPrefix(strings.TrimSpace(string(text)), "unix://"))
		}
	}
	return nil
}

// endPods ends all processes in the cluster's control groups, again and again until there are none: they may be starting others.
func (c *Cluster) endPods() error {
	for range 10 {
		pids, err := c.members()
		if err != nil || len(pids) == 0 {
			return err
		}
		for _, pid := range pids {
			if err := kill(pid); err != nil {
				return err
			}
		}
	}
	return errors.New("they keep coming")
}

func kill(pid int) error {
	r, err := process.Find(pid)
	if err != nil {
		return nil // it has ended
	}
	return process.End(r, 0)
}

// unmount unmounts everything below our directory, the innermost first.
func (c *Cluster) unmount() error {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSpace(string(mounts)), "\n")
	for _, line := range slices.Backward(lines) {
		at := strings.Fields(line)[4]
		if !strings.HasPrefix(at, c.Dir+"/") {
			continue
		}
		if err := unix.Unmount(at, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) {
			return fmt.Errorf("%s: %w", at, err)
		}
	}
	return nil
}

// removePodNetworks removes the namespaces that the network plug-ins made for our pods, by what they wrote down.
func (c *Cluster) removePodNetworks() error {
	files, err := filepath.Glob(filepath.Join(cniResults, c.CNI()+"-*"))
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var made struct {
			NetworkName string
			Result      struct {
				Interfaces []struct{ Sandbox string }
			}
		}
		if err := json.Unmarshal(text, &made); err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		if made.NetworkName != c.CNI() { // of a cluster whose name begins with ours
			continue
		}
		for _, i := range made.Result.Interfaces {
			if i.Sandbox == "" {
				continue
			}
			if err := (netns.Namespace{Name: filepath.Base(i.Sandbox)}).Remove(); err != nil {
				return err
			}
		}
		// The loopback of the same pod is written down under a name that all clusters share.
		pod := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), c.CNI()+"-"), "-eth0")
		for _, done := range []string{filepath.Join(cniResults, "cni-loopback-"+pod+"-lo"), file} {
			if err := os.Remove(done); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// removeLogLinks removes the links that the kubelet makes for collectors of logs.
func (c *Cluster) removeLogLinks() error {
	links, err := filepath.Glob("/var/log/containers/*.log")
	if err != nil {
		return err
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && strings.HasPrefix(to, c.Dir+"/") {
			if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}
