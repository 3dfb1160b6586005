package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

type builtParts string

func (dir builtParts) Program(part, file string) string {
	return filepath.Join(string(dir), part, file)
}

func (dir builtParts) Key(part string) string { return part + "-v1" }

// written makes a cluster's files in a directory of the test's own.
func written(t *testing.T) *Cluster {
	t.Helper()
	c, err := New("test", builtParts("/built"))
	if err != nil {
		t.Fatal(err)
	}
	c.Dir = t.TempDir()
	if err := c.write(); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNames(t *testing.T) {
	for name, good := range map[string]bool{"serin": true, "a-2": true, "": false, "a/b": false, "..": false, "A": false, strings.Repeat("a", 31): false} {
		if _, err := New(name, builtParts("")); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestImagesOfAnyHostComeFromTheRegistry(t *testing.T) {
	text, err := os.ReadFile(written(t).Path("certs.d/_default/hosts.toml"))
	if err != nil {
		t.Fatal(err)
	}
	var hosts struct {
		Server string
		Host   map[string]struct{ Capabilities []string }
	}
	if err := toml.Unmarshal(text, &hosts); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	const registry = "http://10.99.0.1:5000"
	if hosts.Server != registry {
		t.Errorf("the search ends at %q: a missing image would be looked for outside", hosts.Server)
	}
	if got := strings.Join(hosts.Host[registry].Capabilities, " "); len(hosts.Host) != 1 || got != "pull resolve" {
		t.Errorf("hosts are %v", hosts.Host)
	}
}

func TestContainerdStaysInTheClustersDirectory(t *testing.T) {
	c := written(t)
	text, err := os.ReadFile(c.Path("containerd/config.toml"))
	if err != nil {
		t.Fatal(err)
	}
	var conf struct {
		Version     int
		Root, State string
		GRPC        struct{ Address string }
		Plugins     map[string]struct {
			SandboxImage string `toml:"sandbox_image"`
			CNI          struct {
				Conf string `toml:"conf_dir"`
			}
			Registry struct {
				Config string `toml:"config_path"`
			}
			Containerd struct {
				Runtimes map[string]struct{ Options struct{ Root string } }
			}
		}
	}
	if err := toml.Unmarshal(text, &conf); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	cri := conf.Plugins["io.containerd.grpc.v1.cri"]
	for what, path := range map[string]string{
		"root": conf.Root, "state": conf.State, "socket": conf.GRPC.Address, "network": cri.CNI.Conf, "registries": cri.Registry.Config,
		"runc": cri.Containerd.Runtimes["runc"].Options.Root,
	} {
		if !strings.HasPrefix(path, c.Dir+"/") {
			t.Errorf("%s is %q, outside of %s", what, path, c.Dir)
		}
	}
	if conf.Version != 2 || cri.SandboxImage != "registry.local/serin-cluster/pause:pause-v1" {
		t.Errorf("version %d, sandbox image %q", conf.Version, cri.SandboxImage)
	}
}

func TestFilesAreWrittenOnce(t *testing.T) {
	c := written(t)
	read := func() (all string) {
		for _, path := range []string{"kubeconfig", "pki/tokens.csv", "pki/ca.crt", "pki/apiserver.key", "pki/service-accounts.key"} {
			text, err := os.ReadFile(c.Path(path))
			if err != nil {
				t.Fatal(err)
			}
			all += string(text)
		}
		return all
	}
	first := read()
	if err := c.write(); err != nil {
		t.Fatal(err)
	}
	if read() != first {
		t.Error("a second start has other keys or another token: what runs would no longer be let in")
	}
	info, err := os.Stat(c.Kubeconfig())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the administrator's kubeconfig is readable for others: %v, %v", info.Mode(), err)
	}
}

func TestManifestsAreFilledIn(t *testing.T) {
	text, err := fill(templates, "templates/dns.yaml", written(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"clusterIP: 10.98.0.10", "image: registry.local/serin-cluster/coredns:coredns-v1"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestDaemonsAreAllNamed(t *testing.T) {
	c := written(t)
	var names []string
	for _, d := range c.all() {
		names = append(names, d.name)
	}
	if got, want := strings.Join(names, " "), strings.Join(Daemons(), " "); got != want {
		t.Errorf("daemons are %s, commands know %s", got, want)
	}
}
