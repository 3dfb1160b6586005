package part

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// A Part is some programs of one version, and files that belong to them.
type Part struct {
	Name     string
	Module   string            // whose version, as the part's go.mod requires it, is the part's version
	Programs map[string]string // file name -> package
	Tags     string
	LDFlags  string // VERSION stands for the version
	Files    []Files
	Go       string // the release of Go that its modules insist on, where it is newer than ours: go fetches it
}

// Files are taken from a module: manifests that its programs need.
type Files struct {
	Module string // MODULE, in the version that go.mod requires, or MODULE@VERSION
	Glob   string
	To     string // a folder in the part
}

const kubernetesVersion = "k8s.io/component-base/version"

// All returns the parts in the order in which they are built: the bare cluster first.
func All() []Part {
	return []Part{
		{
			Name: "kubernetes", Module: "k8s.io/kubernetes",
			Programs: named("k8s.io/kubernetes/cmd/",
				"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl"),
			// Without a version clients complain.
			LDFlags: "-X " + kubernetesVersion + ".gitVersion=VERSION -X " + kubernetesVersion + ".gitMajor=1 -X " +
				kubernetesVersion + ".gitMinor=36",
		},
		{Name: "etcd", Module: "go.etcd.io/etcd/server/v3", Programs: map[string]string{"etcd": "go.etcd.io/etcd/server/v3"}},
		{
			Name: "coredns", Module: "github.com/coredns/coredns",
			Programs: named("serin.dev/serin/e2e/cluster/parts/", "coredns"), // with the plugins we use
		},
		{Name: "pause", Programs: named("serin.dev/serin/e2e/cluster/parts/", "pause")},
		{Name: "helm", Module: "helm.sh/helm/v4", Programs: named("helm.sh/helm/v4/cmd/", "helm")},
		{
			Name: "traefik", Module: "github.com/traefik/traefik/v3",
			Programs: named("github.com/traefik/traefik/v3/cmd/", "traefik"),
			Files: []Files{
				{"sigs.k8s.io/gateway-api@v1.6.3", "config/crd/standard/*.yaml", "crds"},
				{"github.com/traefik/traefik/v3", "docs/content/reference/dynamic-configuration/kubernetes-crd-definition-v1.yml", "crds"},
			},
		},
		{
			Name: "prometheus", Module: "github.com/prometheus/prometheus",
			Programs: named("github.com/prometheus/prometheus/cmd/", "prometheus"),
			Tags:     "remove_all_sd,enable_kubernetes_sd", // all kinds of discovery would take three times as long
		},
		{
			Name: "istio", Module: "istio.io/istio",
			Programs: map[string]string{"istiod": "istio.io/istio/pilot/cmd/pilot-discovery"},
			Tags:     "vtprotobuf,disable_pgv",
			Files:    []Files{{"istio.io/istio", "manifests/charts/base/files/crd-all.gen.yaml", "crds"}},
		},
		{
			Name: "metrics-server", Module: "sigs.k8s.io/metrics-server",
			Programs: named("sigs.k8s.io/metrics-server/cmd/", "metrics-server"),
		},
		{
			Name: "podinfo", Module: "github.com/stefanprodan/podinfo",
			Programs: named("github.com/stefanprodan/podinfo/cmd/", "podinfo", "podcli"),
		},
		{
			Name: "versitygw", Module: "github.com/versity/versitygw", // an S3 server for the tests of a bucket
			Programs: named("github.com/versity/versitygw/cmd/", "versitygw"),
		},
		// For comparison.
		{
			Name: "flagger", Module: "github.com/fluxcd/flagger",
			Programs: named("github.com/fluxcd/flagger/cmd/", "flagger"),
			Files:    []Files{{"github.com/fluxcd/flagger", "artifacts/flagger/crd.yaml", "crds"}},
		},
		{
			Name: "argo-rollouts", Module: "github.com/argoproj/argo-rollouts", Go: "1.26.10",
			Programs: named("github.com/argoproj/argo-rollouts/cmd/", "rollouts-controller"),
			Files:    []Files{{"github.com/argoproj/argo-rollouts", "manifests/crds/*-crd.yaml", "crds"}},
		},
	}
}

func named(parent string, programs ...string) map[string]string {
	m := map[string]string{}
	for _, p := range programs {
		m[p] = parent + p
	}
	return m
}

// Named finds parts by name; no names mean all.
func Named(names ...string) ([]Part, error) {
	all := All()
	if len(names) == 0 {
		return all, nil
	}
	var found []Part
	for _, n := range names {
		i := slices.IndexFunc(all, func(p Part) bool { return p.Name == n })
		if i < 0 {
			return nil, fmt.Errorf("no part is called %q", n)
		}
		found = append(found, all[i])
	}
	return found, nil
}

// version is what the part's go.mod requires, and an empty version for a part that is all our own.
func (p Part) version(dir, module string) (string, error) {
	if module == "" {
		return "own", nil
	}
	mod, err := p.goMod(dir)
	if err != nil {
		return "", err
	}
	for _, r := range mod.Require {
		if r.Mod.Path == module {
			return r.Mod.Version, nil
		}
	}
	return "", fmt.Errorf("%s/go.mod does not require %s", dir, module)
}

func (p Part) goMod(dir string) (*modfile.File, error) {
	path := filepath.Join(dir, "go.mod")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return modfile.Parse(path, text, nil)
}

// key names the part in the cache: its version and a hash of all that decides what comes out.
func (p Part) key(dir string) (string, error) {
	version, err := p.version(dir, p.Module)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	fmt.Fprintf(hash, "%v %s %s %v\n", p.Programs, p.Tags, p.LDFlags, p.Files) // maps print in the order of their keys
	sources, err := filesBelow(dir)
	if err != nil {
		return "", err
	}
	for _, name := range sources { // go.mod, go.sum, and what is our own
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(hash, "%s %d\n", name, len(text))
		hash.Write(text)
	}
	return strings.Join([]string{p.Name, version, fmt.Sprintf("%x", hash.Sum(nil)[:4])}, "-"), nil
}
