package wiring_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"serin.dev/serin/api/v1alpha1"
	"serin.dev/serin/internal/catalog"
	"serin.dev/serin/internal/cli"
	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/clustertest"
	"serin.dev/serin/internal/dialect/native"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
	"serin.dev/serin/internal/reconcile"
	"serin.dev/serin/internal/releases/objects"
	"serin.dev/serin/internal/simulation"
	"serin.dev/serin/internal/wiring"
	"serin.dev/serin/internal/world"
)

const reportedCanary = `apiVersion: serin.dev/v1alpha1
kind: Canary
metadata: {name: shop, namespace: %s}
spec:
  target: {kind: Deployment, name: shop}
  traffic: {gatewayAPI: {route: shop}}
  metrics: {scrape: {}}
  steps: [{weight: 5, hold: 1m}, {weight: 50, hold: 1m}]
`

// A played release happens in the simulated world, and its record is kept by a real API server, as the controller keeps it.
type played struct {
	world             *world.World
	store             *objects.Store
	loop              *reconcile.Loop
	canary, namespace string
	plans             [2]plan.Plan // the first release, and the one over it
}

func play(t *testing.T, access *cluster.Access, namespace string) *played {
	t.Helper()
	drafts, notes := native.ReadAll([]native.File{{Name: "shop.yaml", Data: fmt.Appendf(nil, reportedCanary, namespace)}}, catalog.Known())
	if notes.Err() || len(drafts) != 1 {
		t.Fatalf("%d drafts, %s", len(drafts), notes)
	}
	p := &played{world: world.New(1), canary: namespace + "/shop", namespace: namespace}
	drafts[0].Target.Revision = "v2"
	var err error
	if p.plans[0], p.plans[1], err = simulation.Compile(drafts[0], p.world); err != nil {
		t.Fatal(err)
	}
	access.Now = p.world.Now
	p.store = objects.New(access)
	p.loop = reconcile.New(simulation.Means(p.world, p.store, p.plans[1], catalog.Judge))
	return p
}

// begin begins a release.
func (p *played) begin(t *testing.T, of plan.Plan) (name string) {
	t.Helper()
	name, err := p.loop.Begin(simulation.Beginning(p.canary, of, p.plans[1].Analyses[0].Source))
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// follow goes on with a release until it is over, or for some time, and says in the Canary's status what it does.
func (p *played) follow(t *testing.T, name string, within time.Duration) {
	t.Helper()
	for until := p.world.Now().Add(within); p.world.Now().Before(until); {
		wait, err := p.loop.Advance(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		facts, err := p.loop.Facts(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		facts.Release = strings.TrimPrefix(facts.Release, p.namespace+"/")
		err = p.store.Report(t.Context(), p.canary, func(before v1alpha1.CanaryStatus, generation int64) v1alpha1.CanaryStatus {
			return native.Report(before, progress.Of(facts), nil, generation)
		})
		if err != nil {
			t.Fatal(err)
		}
		if facts.Position.Phase.Over() {
			return
		}
		p.world.Pass(min(max(wait, 100*time.Millisecond), 5*time.Second))
	}
}

// told is what `serin report` writes about a release of a cluster.
func told(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := &cobra.Command{Use: "serin", SilenceErrors: true}
	root.AddCommand(cli.Commands(cli.IO{Out: &out, Err: &out, Env: func(string) string { return "" }, Now: time.Now, Cluster: wiring.NewRemote})...)
	root.SetArgs(append([]string{"report", "--kubeconfig", os.Getenv("SERIN_KUBECONFIG")}, args...))
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

// With nothing but the API server, a release is reported as text, Markdown, JUnit XML, a page and JSON of the published schema: one
// that went back, while it is under way, and by its own name as well as by that of its Canary.
func TestReportOfACluster(t *testing.T) {
	clustertest.Install(t)
	scheme, err := wiring.Scheme()
	if err != nil {
		t.Fatal(err)
	}
	access, namespace := clustertest.New(t, scheme)
	canary := &objects.Canary{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop"}, Spec: json.RawMessage(`{"target":{"kind":"Deployment","name":"shop"}}`)}
	if err := access.Client.Create(t.Context(), canary); err != nil {
		t.Fatal(err)
	}
	schema, err := jsonschema.NewCompiler().Compile("../../docs/schema/report.json")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := told(t, "shop", "-n", namespace); err == nil || !strings.Contains(err.Error(), "has no release yet") {
		t.Errorf("before the first release: %v\n%s", err, text)
	}

	p := play(t, access, namespace)
	p.follow(t, p.begin(t, p.plans[0]), time.Hour)
	p.world.Truths["v2"] = world.Truth{Failure: 0.06}
	name := p.begin(t, p.plans[1])
	p.follow(t, name, 8*time.Second)
	reported(t, schema, namespace, "shop", "underWay", name)
	p.follow(t, name, time.Hour)
	reported(t, schema, namespace, "shop", "rolledBack", name)
	reported(t, schema, namespace, strings.TrimPrefix(name, namespace+"/"), "rolledBack", name)
	if text, err := told(t, "nobody", "-n", namespace); err == nil || !strings.Contains(err.Error(), "there is no Canary and no release nobody") {
		t.Errorf("report of nobody: %v\n%s", err, text)
	}
}

// reported asks for every format and reads what comes.
func reported(t *testing.T, schema *jsonschema.Schema, namespace, who, outcome, name string) {
	t.Helper()
	ask := func(format string) string {
		text, err := told(t, who, "-n", namespace, "-o", format)
		if err != nil {
			t.Fatalf("report of %s as %s: %v", who, format, err)
		}
		return text
	}
	for format, says := range map[string]string{"text": "v2", "md": "# ", "html": map[bool]string{true: "<svg ", false: "<h1>"}[outcome == "rolledBack"]} {
		if text := ask(format); !strings.Contains(text, says) || !strings.Contains(text, "failures") {
			t.Errorf("report of %s as %s does not say %q:\n%s", who, format, says, text)
		}
	}
	var suite struct {
		Failures int        `xml:"failures,attr"`
		Cases    []struct{} `xml:"testcase"`
	}
	if text := ask("junit"); xml.Unmarshal([]byte(text), &suite) != nil || len(suite.Cases) < 2 || (suite.Failures > 0) != (outcome == "rolledBack") {
		t.Errorf("report of %s as JUnit XML has %d failures in %d cases:\n%s", who, suite.Failures, len(suite.Cases), text)
	}
	text := ask("json")
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("report of %s: %v\n%s", who, err, text)
	}
	record := value.(map[string]any)
	if record["outcome"] != outcome || !strings.HasSuffix(name, "/"+fmt.Sprint(record["release"])) {
		t.Errorf("report of %s has outcome %v of %v, want %s of %s", who, record["outcome"], record["release"], outcome, name)
	}
}
