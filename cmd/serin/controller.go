package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"serin.dev/serin/internal/wiring"
)

func controllerCommand() *cobra.Command {
	var o wiring.ClusterOptions
	var k kayentaOptions
	var kubeconfig, memory string
	var text bool
	c := &cobra.Command{
		Use:   "controller",
		Short: "release on a Kubernetes cluster what its Canaries say",
		Long: "controller watches Canaries and their targets and releases a new revision whenever a target asks for one. Several may run: one of\n" +
			"them leads, and another goes on where it stopped. Everything it has to remember stands in the cluster's own objects.",
		Example: "  serin controller --kubeconfig ~/.kube/config --leader-namespace default",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.Log, o.Version = logger(c.ErrOrStderr(), !text), version
			loading := clientcmd.NewDefaultClientConfigLoadingRules()
			loading.ExplicitPath = kubeconfig
			config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(loading, nil).ClientConfig()
			if err != nil {
				return fmt.Errorf("find a cluster: %w", err)
			}
			config.QPS = -1 // the API server's own priorities and fairness set the pace
			config.UserAgent = "serin/" + version
			if err := keepTo(memory); err != nil {
				return err
			}
			o.Config = config
			m, err := wiring.NewController(o)
			if err != nil {
				return err
			}
			if k.listen != "" {
				k.Log = o.Log
				if err := m.Add(manager.RunnableFunc(k.serve)); err != nil {
					return fmt.Errorf("serve Kayenta's API: %w", err)
				}
			}
			o.Log.Info("controller starts", "version", version, "namespaces", strings.Join(o.Namespaces, ","))
			return m.Start(c.Context())
		},
	}
	f := c.Flags()
	f.StringVar(&kubeconfig, "kubeconfig", "", "how to reach the cluster (default: the pod's service account, else $KUBECONFIG, else ~/.kube/config)")
	f.StringSliceVar(&o.Namespaces, "namespaces", nil, "namespaces to watch (default all)")
	f.StringSliceVar(&o.Without, "without", nil, "modules to do without, as in router/istio,workload/DaemonSet,metric/prometheus; Canaries that ask for one are refused")
	f.BoolVar(&o.Lead, "leader-elect", true, "let one of several processes lead; off only where there never is a second one")
	f.StringVar(&o.LeadIn, "leader-namespace", os.Getenv("POD_NAMESPACE"), "namespace of the lease (default $POD_NAMESPACE, else the pod's own)")
	f.StringVar(&o.Metrics, "metrics-address", ":8080", "where /metrics is served; 0: nowhere")
	f.StringVar(&o.Health, "health-address", ":8081", "where /healthz and /readyz are served; 0: nowhere")
	f.IntVar(&o.Workers, "workers", 32, "Canaries handled at the same time")
	f.StringVar(&memory, "memory-limit", "", "memory the process may have, as in 512Mi; its heap keeps to four fifths ($GOMEMLIMIT goes before; default no limit)")
	f.StringVar(&k.listen, "kayenta-listen", "", "address to serve Kayenta's API at, while leading; empty: nowhere")
	f.StringVar(&k.Dir, "kayenta-dir", ".serin-kayenta", "directory of the API's embedded store and of what is under way")
	k.flags(f, "kayenta-")
	f.BoolVar(&text, "log-text", false, "log as text, not as JSON lines")
	return c
}

// keepTo lets the garbage collector work harder before the kernel would end the process. The rest of the limit is for what it does not
// see: the program itself, as far as it is in memory.
func keepTo(limit string) error {
	if limit == "" || os.Getenv("GOMEMLIMIT") != "" {
		return nil
	}
	q, err := resource.ParseQuantity(limit)
	if err != nil || q.Sign() <= 0 {
		return fmt.Errorf("--memory-limit: %q is no amount of memory, as in 512Mi", limit)
	}
	debug.SetMemoryLimit(q.Value() / 5 * 4)
	return nil
}
