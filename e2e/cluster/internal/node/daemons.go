package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"serin.dev/serin/e2e/cluster/internal/pki"
	"serin.dev/serin/e2e/cluster/internal/process"
)

// A daemon is one of the cluster's processes, and how to see that it serves.
type daemon struct {
	name  string
	args  []string
	ready func(context.Context) error // nil: it serves nobody
}

// all lists the daemons in the order of their start. The first four need nobody else; the others need the API server.
func (c *Cluster) all() []daemon {
	return []daemon{c.registry(), c.containerd(), c.etcd(), c.apiserver(),
		c.controllerManager(), c.scheduler(), c.kubelet(), c.proxy()}
}

func (c *Cluster) registry() daemon {
	self, err := os.Executable()
	if err != nil {
		self = "/proc/self/exe"
	}
	return daemon{"registry", []string{self, "registry", "--dir", c.Path("registry"), "--listen", Registry}, c.answers("http://" + Registry + "/v2/")}
}

func (c *Cluster) containerd() daemon {
	return daemon{"containerd", []string{"/usr/bin/containerd", "--config", c.Path("containerd/config.toml")}, c.listens("unix", c.Containerd())}
}

func (c *Cluster) etcd() daemon {
	const client, peer = "http://127.0.0.1:2379", "http://127.0.0.1:2380"
	return daemon{"etcd", []string{c.Parts.Program("etcd", "etcd"),
		"--name", "node1",
		"--data-dir", c.Path("etcd"),
		"--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "node1=" + peer,
		"--unsafe-no-fsync", // a test cluster need not survive the loss of power
		"--log-level", "warn",
	}, c.answers("http://127.0.0.1:2379/health")}
}

func (c *Cluster) apiserver() daemon {
	args := []string{c.kubernetes("kube-apiserver"),
		"--etcd-servers", "http://127.0.0.1:2379",
		"--cert-dir", c.Path("pki/generated"),
		"--tls-cert-file", c.Path("pki/apiserver.crt"), "--tls-private-key-file", c.Path("pki/apiserver.key"),
		"--bind-address", NodeIP, "--advertise-address", NodeIP, "--secure-port", "6443",
		"--token-auth-file", c.Path("pki/tokens.csv"),
		"--authorization-mode", "Node,RBAC",
		"--service-account-key-file", c.Path("pki/service-accounts.key"),
		"--service-account-signing-key-file", c.Path("pki/service-accounts.key"),
		"--service-account-issuer", "https://kubernetes.default.svc",
		"--service-cluster-ip-range", services,
		"--allow-privileged=true",
		"--kubelet-preferred-address-types", "InternalIP", // nobody knows the node's name
		"--requestheader-client-ca-file", c.Path("pki/front-proxy-ca.crt"),
		"--requestheader-allowed-names", pki.FrontProxy,
		"--requestheader-extra-headers-prefix", "X-Remote-Extra-",
		"--requestheader-group-headers", "X-Remote-Group",
		"--requestheader-username-headers", "X-Remote-User",
		"--proxy-client-cert-file", c.Path("pki/" + pki.FrontProxy + ".crt"),
		"--proxy-client-key-file", c.Path("pki/" + pki.FrontProxy + ".key"),
		"--enable-aggregator-routing=true",
	}
	if c.alone() {
		args = append(args, "--audit-policy-file", c.Path(auditPolicy), "--audit-log-path", c.AuditLog(),
			"--audit-log-maxsize", "100000") // MB: whoever counts the lines wants one file
	}
	return daemon{"apiserver", args, c.answers("https://" + NodeIP + ":6443/readyz")}
}

func (c *Cluster) controllerManager() daemon {
	args := []string{c.kubernetes("kube-controller-manager"),
		"--kubeconfig", c.Kubeconfig(),
		"--use-service-account-credentials=true",
		"--service-account-private-key-file", c.Path("pki/service-accounts.key"),
		"--root-ca-file", c.Path("pki/ca.crt"), // what pods trust the API server by
		"--leader-elect=false",
		"--kube-api-qps", "500", "--kube-api-burst", "1000", // by default its own start alone takes five seconds
		"--cluster-cidr", pods, "--allocate-node-cidrs=false",
		"--bind-address", "127.0.0.1",
		"--horizontal-pod-autoscaler-sync-period", "5s",
		// A kubelet has said nothing for as long as the API server was away, which must not be held against it: all pods would
		// be out of their EndpointSlices for a moment.
		"--node-monitor-grace-period", "150s",
	}
	if c.alone() { // a node there may be, but no kubelet that would say it is well
		args = append(args, "--controllers=*,-node-lifecycle-controller,-endpoints-controller,-endpointslice-mirroring-controller")
	}
	return daemon{"controller-manager", args, c.answers("https://127.0.0.1:10257/healthz")}
}

func (c *Cluster) scheduler() daemon {
	return daemon{"scheduler", []string{c.kubernetes("kube-scheduler"),
		"--kubeconfig", c.Kubeconfig(),
		"--leader-elect=false",
		"--bind-address", "127.0.0.1",
	}, c.answers("https://127.0.0.1:10259/healthz")}
}

func (c *Cluster) kubelet() daemon {
	return daemon{"kubelet", []string{c.kubernetes("kubelet"),
		"--config", c.Path("kubelet/config.yaml"),
		"--kubeconfig", c.Kubeconfig(),
		"--root-dir", c.Path("kubelet"), "--cert-dir", c.Path("kubelet/pki"),
		"--hostname-override", nodeName,
		"--node-ip", NodeIP,
		"--containerd", c.Containerd(), // for metrics per container, apart from the runtime's endpoint
	}, c.answers("http://127.0.0.1:10248/healthz")}
}

func (c *Cluster) proxy() daemon {
	return daemon{"kube-proxy", []string{c.kubernetes("kube-proxy"),
		"--kubeconfig", c.Kubeconfig(),
		"--proxy-mode", "nftables",
		"--cluster-cidr", pods,
		"--conntrack-max-per-core", "0",
		"--hostname-override", nodeName,
	}, c.answers("http://127.0.0.1:10249/healthz")}
}

func (c *Cluster) kubernetes(program string) string { return c.Parts.Program("kubernetes", program) }

// environment is that of all daemons. Ours may name a proxy to a world that they do not see, or lack the administrator's programs.
func environment() []string {
	return []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
		"GOGC=200", // a machine for tests has more memory to spare than processors
	}
}

// start starts daemons one after another without waiting for any.
func (c *Cluster) start(daemons ...daemon) error {
	for _, d := range daemons {
		if err := c.daemons().Start(process.Daemon{Name: d.name, Args: d.args, Env: environment()}); err != nil {
			return err
		}
	}
	return nil
}

// await waits until all of the daemons serve.
func (c *Cluster) await(ctx context.Context, daemons ...daemon) error {
	for _, d := range daemons {
		err := eventually(ctx, func() error {
			if _, running := c.daemons().Running(d.name); !running {
				return permanent{errors.New("it has ended")}
			}
			return d.ready(ctx)
		})
		if err != nil {
			return fmt.Errorf("wait for %s: %w; its log is %s", d.name, err, c.daemons().Log(d.name))
		}
	}
	return nil
}

// A permanent error does not go away by waiting.
type permanent struct{ error }

// eventually asks until there is no error, for as long as the context lasts, and then tells the last one.
func eventually(ctx context.Context, ask func() error) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask()
		var never permanent
		if err == nil || errors.As(err, &never) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-tick.C:
		}
	}
}

// answers asks a URL inside the cluster's network, which must say 200.
func (c *Cluster) answers(url string) func(context.Context) error {
	client := &http.Client{
		Timeout: 5 * time.Second,
		Transport: &http.Transport{
			DialContext:       c.Namespace().DialContext,
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // it is only asked whether it is well
			DisableKeepAlives: true,
		},
	}
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return permanent{err}
		}
		answer, err := client.Do(req)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			text, _ := io.ReadAll(io.LimitReader(answer.Body, 2000))
			return fmt.Errorf("%s says %s: %s", url, answer.Status, text)
		}
		return nil
	}
}

func (c *Cluster) listens(network, address string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}
