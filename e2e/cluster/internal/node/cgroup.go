package node

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// hierarchies are the mount points of all control group trees: one with version 2, one for each controller with version 1.
func hierarchies() ([]string, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var found []string
	for lines := bufio.NewScanner(bytes.NewReader(mounts)); lines.Scan(); {
		before, after, _ := strings.Cut(lines.Text(), " - ")
		if kind, _, _ := strings.Cut(after, " "); kind == "cgroup" || kind == "cgroup2" {
			found = append(found, strings.Fields(before)[4])
		}
	}
	return found, nil
}

// makeCgroups makes the cluster's group in every tree; the kubelet wants to find it there.
func (c *Cluster) makeCgroups() error {
	trees, err := hierarchies()
	if err != nil {
		return err
	}
	if len(trees) == 0 {
		return errors.New("no control groups are mounted below /sys/fs/cgroup")
	}
	for _, tree := range trees {
		dir := filepath.Join(tree, c.Cgroup())
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if err := inheritCPUs(tree, dir); err != nil {
			return err
		}
	}
	return nil
}

// inheritCPUs gives a new version 1 cpuset the CPUs and memory nodes of its parent: it has none by itself, and takes no process.
func inheritCPUs(parent, dir string) error {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		set, err := os.ReadFile(filepath.Join(dir, file))
		if errors.Is(err, fs.ErrNotExist) || len(bytes.TrimSpace(set)) > 0 {
			continue
		}
		set, err = os.ReadFile(filepath.Join(parent, file))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, file), set, 0); err != nil {
			return fmt.Errorf("set %s of %s: %w", file, dir, err)
		}
	}
	return nil
}

// members are the processes in the cluster's groups: everything that runs in a pod, and nothing else.
func (c *Cluster) members() ([]int, error) {
	var pids []int
	err := c.eachGroup(func(dir string) error {
		text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		if err != nil {
			return nil // it went away meanwhile
		}
		for _, field := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
				pids = append(pids, pid)
			}
		}
		return nil
	})
	return pids, err
}

// removeCgroups removes the cluster's groups in all trees, children first.
func (c *Cluster) removeCgroups() error {
	var dirs []string
	if err := c.eachGroup(func(dir string) error { dirs = append(dirs, dir); return nil }); err != nil {
		return err
	}
	var errs error
	for i := len(dirs) - 1; i >= 0; i-- {
		if err := os.Remove(dirs[i]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = errors.Join(errs, err)
		}
	}
	return errs
}

func (c *Cluster) eachGroup(do func(dir string) error) error {
	trees, err := hierarchies()
	if err != nil {
		return err
	}
	for _, tree := range trees {
		err := filepath.WalkDir(filepath.Join(tree, c.Cgroup()), func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil || !d.IsDir() {
				return err
			}
			return do(path)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
