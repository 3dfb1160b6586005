package istio

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
)

// A table is a VirtualService under the knife, without a cluster.
type table struct {
	t  *testing.T
	vs *unstructured.Unstructured
}

// TestSurgery plays testdata/surgery: what orders make of VirtualServices, as people write them.
func TestSurgery(t *testing.T) {
	datadriven.Walk(t, "testdata/surgery", func(t *testing.T, path string) {
		s := &table{t: t}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "virtualservice": // what the user applies, also again
				return s.apply(d.Input)
			case "order":
				return s.order(d.Input)
			case "restore":
				return s.restore()
			case "observe":
				return s.observe()
			}
			d.Fatalf(t, "unknown command %s", d.Cmd)
			return ""
		})
	})
}

const target = "Deployment/shop/checkout"

// apply sets the spec and keeps the annotations, as kubectl does.
func (s *table) apply(text string) string {
	vs := &unstructured.Unstructured{Object: map[string]any{}}
	if err := yaml.Unmarshal([]byte(text), &vs.Object); err != nil {
		s.t.Fatal(err)
	}
	vs = wire(s.t, vs)
	vs.SetNamespace("shop")
	if s.vs != nil {
		vs.SetAnnotations(s.vs.GetAnnotations())
	}
	s.vs = vs
	return ""
}

// wire is what comes back from an API server: numbers as it reads them.
func wire(t *testing.T, vs *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	data, err := vs.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	back := &unstructured.Unstructured{}
	if err := back.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	return back
}

func (s *table) order(text string) string {
	var in struct {
		Target   string                    `json:"target"`
		With     json.RawMessage           `json:"with"`
		Services map[plan.TrackName]string `json:"services"`
		plan.Traffic
	}
	if err := yaml.UnmarshalStrict([]byte(text), &in); err != nil {
		s.t.Fatal(err)
	}
	if in.Target == "" {
		in.Target = target
	}
	if in.Services == nil {
		in.Services = map[plan.TrackName]string{plan.Stable: "checkout", plan.Canary: "checkout-canary"}
	}
	o, err := newOrder(in.Target, router.Order{Traffic: in.Traffic, Services: in.Services, With: in.With})
	if err != nil {
		return told(err)
	}
	next := s.vs.DeepCopy()
	a, err := o.arrange(next)
	if err != nil {
		return told(err)
	}
	return s.write(next, a)
}

func (s *table) restore() string {
	h, err := readHeld(s.vs)
	if err != nil {
		return told(err)
	}
	live, err := sections(s.vs)
	if err != nil {
		return told(err)
	}
	user := loosen(live, h).user
	delete(h.Targets, target)
	return s.write(s.vs.DeepCopy(), arrangement{user: user, held: h})
}

func (s *table) write(next *unstructured.Unstructured, a arrangement) string {
	h, touched, err := a.write(s.vs, next, time.Unix(1e9, 0))
	if err != nil {
		return told(err)
	}
	h.Returning = false
	if err := h.Write(next); err != nil {
		return told(err)
	}
	s.vs = wire(s.t, next)
	if !touched {
		return "nothing to do"
	}
	text, err := yaml.Marshal(s.vs.Object["spec"])
	if err != nil {
		s.t.Fatal(err)
	}
	return fmt.Sprintf("%sheld for %v", text, h.Names())
}

func (s *table) observe() string {
	h, err := readHeld(s.vs)
	if err != nil {
		return told(err)
	}
	var lines []string
	for _, target := range h.Names() {
		rec := h.Targets[target]
		settings, err := decode(rec.With)
		if err != nil {
			return told(err)
		}
		traffic, foreign, err := said(target, s.vs, rec, settings)
		if err != nil {
			return told(err)
		}
		text, err := json.Marshal(traffic)
		if err != nil {
			s.t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%s: %s %s", target, text, foreign))
	}
	return strings.Join(lines, "\n")
}

func told(err error) string {
	if p, ok := cluster.AsProblem(err); ok {
		return fmt.Sprintf("%s: %v (%s)", p.Reason, err, p.Field)
	}
	return "error: " + err.Error()
}
