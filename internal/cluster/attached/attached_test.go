package attached

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const route = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop, namespace: shop, generation: 3}
spec:
  parentRefs:
  - {name: web, namespace: infra}
  - {name: mesh, group: "", kind: Service, port: 80}
`

const (
	web    = `{parentRef: {name: web, namespace: infra, group: gateway.networking.k8s.io, kind: Gateway}, controllerName: a, conditions: [`
	mesh   = `{parentRef: {name: mesh, group: "", kind: Service, port: 80}, controllerName: b, conditions: [`
	former = `{parentRef: {name: former}, controllerName: a, conditions: [`
	yes    = `{type: Accepted, status: "True", observedGeneration: 3}, {type: ResolvedRefs, status: "True", observedGeneration: 3}]}`
	old    = `{type: Accepted, status: "True", observedGeneration: 2}, {type: ResolvedRefs, status: "True", observedGeneration: 2}]}`
	no     = `{type: Accepted, status: "False", observedGeneration: 3, reason: NoMatchingParent, message: no listener}]}`
	half   = `{type: Accepted, status: "True", observedGeneration: 3}]}`
)

func TestEveryParentThatReportsIsAwaited(t *testing.T) {
	for _, test := range []struct {
		reason  string
		parents []string
		want    string
	}{
		{"nobody has said anything", nil, "no gateway has taken it up"},
		{"a parent that the route has left does not count", []string{former + yes}, "no gateway has taken it up"},
		{"one has it, the other does not", []string{web + yes, mesh + old}, "Service shop/mesh has not seen generation 3 yet"},
		{"refused", []string{web + no}, "Gateway infra/web says not Accepted (NoMatchingParent): no listener"},
		{"half a report", []string{web + half}, "Gateway infra/web has not said whether it is ResolvedRefs"},
		{"all have it, and one that is left is behind", []string{web + yes, mesh + yes, former + old}, ""},
	} {
		o := &unstructured.Unstructured{}
		text := route + "status: {parents: [" + strings.Join(test.parents, ", ") + "]}"
		if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
			t.Fatal(err)
		}
		o.SetGeneration(3)
		got, err := Unacknowledged(o)
		if err != nil || (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: got %q, want %q; %v", test.reason, got, test.want, err)
		}
	}
}
