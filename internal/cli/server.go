package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"serin.dev/serin/internal/progress"
)

// A Server knows releases and lets people act on them: a serin on this machine, or a cluster.
type Server interface {
	// List returns the latest release of each target.
	List(ctx context.Context) ([]progress.Release, error)
	// Release returns one release, by its own name or as the latest of a Canary. ErrNotFound when there is none.
	Release(ctx context.Context, name string) (progress.Release, error)
	// Watch hands over a release now and whenever it changes, until see returns an error (which Watch returns) or the context
	// ends.
	Watch(ctx context.Context, name string, see func(progress.Release) error) error
	// Act does something to a release, or tells why it makes no sense now.
	Act(ctx context.Context, name string, act progress.Act) error
}

// A Reach says which cluster is meant, as kubectl's flags do. Empty fields are the usual ones.
type Reach struct{ Kubeconfig, Context, Namespace string }

// where adds the flags that say whom a command asks.
func where(cmd *cobra.Command) {
	f := cmd.Flags()
	f.String("socket", "", "socket of the serin that runs on this machine (default $SERIN_SOCKET, else "+DefaultSocket+")")
	f.String("kubeconfig", "", "how to reach the cluster (default $KUBECONFIG, else ~/.kube/config)")
	f.String("context", "", "context of the kubeconfig")
	f.StringP("namespace", "n", "", "namespace on the cluster (default that of the context)")
}

// server finds whom the command is meant for: what its flags name; else the serin of the environment or of the working
// directory; else, where there is a way to one, the cluster.
func (p program) server(cmd *cobra.Command) (Server, error) {
	flag := func(name string) string {
		value, _ := cmd.Flags().GetString(name)
		return value
	}
	reach := Reach{flag("kubeconfig"), flag("context"), flag("namespace")}
	path := flag("socket")
	if path == "" {
		path = p.Env("SERIN_SOCKET")
	}
	if path != "" && reach != (Reach{}) {
		return nil, fmt.Errorf("a socket (%s) and a cluster are named; name one of them", path)
	}
	if path != "" || p.Cluster == nil || reach == (Reach{}) && !p.onCluster(cmd) {
		if path == "" {
			path = DefaultSocket
		}
		return NewClient(path), nil
	}
	return p.Cluster(reach)
}

// onCluster reports whether, with nothing said, a cluster is meant.
func (p program) onCluster(cmd *cobra.Command) bool {
	if strings.HasPrefix(cmd.Root().Name(), "kubectl") {
		return true
	}
	if _, err := os.Stat(DefaultSocket); err == nil {
		return false
	}
	if p.Env("KUBECONFIG") != "" || p.Env("KUBERNETES_SERVICE_HOST") != "" {
		return true
	}
	_, err := os.Stat(filepath.Join(p.Env("HOME"), ".kube", "config"))
	return err == nil
}
