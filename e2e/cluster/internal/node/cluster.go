package node

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"serin.dev/serin/e2e/cluster/internal/image"
	"serin.dev/serin/e2e/cluster/internal/netns"
	"serin.dev/serin/e2e/cluster/internal/process"
)

// The cluster's addresses.
const (
	NodeIP   = "10.99.0.1"
	nodeNet  = NodeIP + "/24"
	pods     = "10.97.0.0/16"
	services = "10.98.0.0/16"
	apiIP    = "10.98.0.1"
	DNS      = "10.98.0.10"
	Registry = NodeIP + ":5000"
)

// stateDir holds a directory for each cluster.
const stateDir = "/var/lib/serin-cluster"

// A Cluster is a cluster's place on the machine, whether it runs or not.
type Cluster struct {
	Name  string
	Dir   string
	Parts Parts
}

// Parts tells where built programs lie.
type Parts interface {
	// Program is the path of a part's file.
	Program(part, file string) string
	// Key is the part's name, its version and a hash of all that went into it.
	Key(part string) string
}

var validName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,29}$`) // it becomes part of paths, and a socket's is short

// New names a cluster.
func New(name string, parts Parts) (*Cluster, error) {
	if !validName.MatchString(name) {
		return nil, fmt.Errorf("cluster name %q: want small letters, digits and dashes, at most 30", name)
	}
	return &Cluster{Name: name, Dir: filepath.Join(stateDir, name), Parts: parts}, nil
}

// Exists tells whether the cluster has been brought up and not taken down.
func (c *Cluster) Exists() bool {
	_, err := os.Stat(c.Dir)
	return err == nil
}

// Path is a file of the cluster.
func (c *Cluster) Path(below string) string { return filepath.Join(c.Dir, below) }

// Namespace is the cluster's network.
func (c *Cluster) Namespace() netns.Namespace { return netns.Namespace{Name: c.id()} }

// Images is the cluster's registry.
func (c *Cluster) Images() image.Store {
	return image.Store{Address: Registry, Dial: c.Namespace().DialContext}
}

// Kubeconfig is the administrator's.
func (c *Cluster) Kubeconfig() string { return c.Path("kubeconfig") }

func (c *Cluster) id() string { return "serin-cluster-" + c.Name }

func (c *Cluster) daemons() process.Table {
	return process.Table{Records: c.Path("run"), Logs: c.Path("logs"), Namespace: c.Namespace()}
}

// Image is the name of the image that is made of a part. Its tag changes with the part, so a cluster that runs an older one is
// brought up to date.
func (c *Cluster) Image(part string) image.Name {
	return image.Name{Path: "serin-cluster/" + part, Tag: c.Parts.Key(part)}
}

// What the templates ask for besides.

func (c *Cluster) Containerd() string { return c.Path("containerd/containerd.sock") }
func (c *Cluster) Cgroup() string     { return "/" + c.id() }
func (c *Cluster) CNI() string        { return c.id() }
func (c *Cluster) NodeIP() string     { return NodeIP }
func (c *Cluster) Pods() string       { return pods }
func (c *Cluster) DNS() string        { return DNS }
func (c *Cluster) Registry() string   { return Registry }
