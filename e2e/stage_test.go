package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster/clustertest"
)

// A stage is a namespace of its own in which one story is played, and the controller that watches it.
type stage struct {
	*testing.T
	client.Client
	ns      string
	home    string // of a controller of its own: its account and its lease
	serin   *controller
	words   map[string]string // for manifests: $VERSION, ...
	release string            // the newest that was awaited
	struck  []func()          // what is done when the stage is empty
}

// long is how long anything in a story may take that does not say otherwise.
const long = 90 * time.Second

// slow is how long the native judge may take for a promotion: on a machine with other work it has held good versions for two minutes
// and more.
const slow = 5 * time.Minute

// newStage takes a namespace that the shared controller watches, and plays beside other stories.
func newStage(t *testing.T) *stage {
	clustertest.Config(t)
	t.Parallel()
	select {
	case ns := <-theatre.free:
		s := prepare(t, ns, theatre.shared)
		t.Cleanup(func() {
			if _, err := theatre.kubectl(context.Background(), "delete", "namespace", ns, "--wait=false"); err != nil {
				t.Error(err)
			}
		})
		t.Cleanup(s.dump)
		return s
	default:
		t.Fatalf("all %d namespaces are taken: let the house have more stages", stages)
		return nil
	}
}

// newOwnStage makes a namespace that has no controller yet. Values are those of the chart, where they are not the usual ones.
func newOwnStage(t *testing.T, values ...string) *stage {
	clustertest.Config(t)
	home, err := theatre.namespace(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ns, err := theatre.namespace(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	config, err := theatre.install(t.Context(), home, values...)
	if err != nil {
		t.Fatal(err)
	}
	s := prepare(t, ns, theatre.newController(t.Name(), config, home, ns))
	s.home = home
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		if err := errors.Join(s.strike(ctx), s.serin.stop()); err != nil {
			t.Error(err)
		}
		for _, do := range s.struck {
			do()
		}
	})
	t.Cleanup(s.dump)
	return s
}

func prepare(t *testing.T, ns string, c *controller) *stage {
	s := &stage{T: t, Client: theatre.client, ns: ns, serin: c}
	s.words = map[string]string{"NAMESPACE": ns, "VERSION": "v1", "ARGS": "", "REPLICAS": "2", "MEMORY": "16Mi"}
	t.Logf("plays in namespace %s", ns)
	return s
}

// strike removes everything that was on stage while its controller can still take its hands off.
func (s *stage) strike(ctx context.Context) error {
	if _, err := theatre.kubectl(ctx, "delete", "namespace", s.ns, "--wait=false"); err != nil {
		return err
	}
	return theatre.gone(ctx, s.ns)
}

// later does something when the stage is empty and its controller has ended: until then they need what it would take away.
func (s *stage) later(do func()) { s.struck = append(s.struck, do) }

// start starts the stage's own controller.
func (s *stage) start() {
	s.Helper()
	if err := s.serin.start(s.Context()); err != nil {
		s.Fatal(err)
	}
}

// file applies manifests of testdata as a user's tools do: server-side, as field manager "user".
func (s *stage) file(names ...string) {
	s.Helper()
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join("testdata", name+".yaml"))
		if err != nil {
			s.Fatal(err)
		}
		s.apply(string(text))
	}
}

// apply applies manifests, with the stage's words for $WORDS.
func (s *stage) apply(text string) {
	s.Helper()
	if err := s.tryApply(text); err != nil {
		s.Fatal(err)
	}
}

func (s *stage) tryApply(text string) error {
	text = os.Expand(text, func(word string) string { return s.words[word] })
	for d := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096); ; {
		o := &unstructured.Unstructured{}
		if err := d.Decode(&o.Object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read manifest: %w", err)
		}
		if o.Object == nil {
			continue
		}
		o.SetNamespace(s.ns)
		ctx, cancel := context.WithTimeout(s.Context(), 10*time.Second)
		err := s.Apply(ctx, client.ApplyConfigurationFromUnstructured(o), client.FieldOwner("user"))
		cancel()
		if err != nil {
			return fmt.Errorf("apply %s %s: %w", o.GetKind(), o.GetName(), err)
		}
	}
}

// podinfo applies a version of the application; what is wrong with it stands in its arguments.
func (s *stage) podinfo(version string, args ...string) {
	s.Helper()
	s.words["VERSION"], s.words["ARGS"] = version, ""
	for _, a := range args {
		s.words["ARGS"] += ", " + a
	}
	s.file("deployment")
}

// await looks again and again until what is awaited is there, and says what it was if it does not come.
func (s *stage) await(what string, within time.Duration, done func(context.Context) (bool, error)) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), within)
	defer cancel()
	if err := until(ctx, done); err != nil {
		s.Fatalf("%s: %v (within %s)", what, err, within)
	}
}

// write writes a file that only this test reads.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
