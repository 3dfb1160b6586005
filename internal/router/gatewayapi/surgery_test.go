package gatewayapi

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	kjson "k8s.io/apimachinery/pkg/util/json"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"serin.dev/serin/internal/plan"
)

var update = flag.Bool("update", false, "rewrite golden files")

// An operation is a case in testdata/surgery: the rules of a user, what is ordered of them, and what others make of the route
// meanwhile. Its golden file says what is written, what is then seen, and what is handed back.
type operation struct {
	Kind   string      `json:"kind"`
	Rules  []rule      `json:"rules"`
	Orders []operative `json:"orders"`
	// Later are the rules as others have left them.
	Later []rule `json:"later"`
}

type operative struct {
	Target   string          `json:"target"`
	Services services        `json:"services"`
	With     json.RawMessage `json:"with"`
	Traffic  plan.Traffic    `json:"traffic"`
}

// An outcome is what a golden file says.
type outcome struct {
	Refused string                  `json:"refused,omitempty"`
	Written []rule                  `json:"written,omitempty"`
	Seen    map[string]plan.Traffic `json:"seen,omitempty"`
	Back    []rule                  `json:"back,omitempty"`
}

func TestSurgery(t *testing.T) {
	cases, err := filepath.Glob(filepath.Join("testdata", "surgery", "*.yaml"))
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range cases {
		if strings.HasSuffix(path, ".want.yaml") {
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			got, err := yaml.Marshal(operate(t, readOperation(t, path)))
			if err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(path, ".yaml") + ".want.yaml"
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func readOperation(t *testing.T, path string) operation {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var op operation
	raw, err := yaml.YAMLToJSONStrict(text)
	if err == nil {
		err = kjson.Unmarshal(raw, &op) // whole numbers stay whole
	}
	if err != nil {
		t.Fatalf("read %s: %v", path, err)
	}
	if op.Kind == "" {
		op.Kind = httpRoute
	}
	return op
}

func operate(t *testing.T, op operation) outcome {
	t.Helper()
	id := routeID{op.Kind, "shop", "shop"}
	h, places := held{Targets: map[string]record{}}, map[string][]int{}
	for _, o := range op.Orders {
		s, err := decode(o.With)
		if err != nil {
			t.Fatal(err)
		}
		picked, err := pick(op.Rules, s, o.Services, id)
		if err != nil {
			return outcome{Refused: err.Error()}
		}
		h.Targets[o.Target] = record{Traffic: o.Traffic, Services: o.Services, With: o.With}
		places[o.Target] = picked
	}
	written, err := tighten(op.Rules, h, places, id)
	if err != nil {
		return outcome{Refused: err.Error()}
	}
	out := outcome{Written: written, Seen: map[string]plan.Traffic{}}
	live := written
	if op.Later != nil {
		live = op.Later
	}
	l := loosen(live, h)
	if op.Later != nil {
		out.Back = l.rules
	} else if !reflect.DeepEqual(l.rules, op.Rules) {
		t.Errorf("handed back %v, found %v", l.rules, op.Rules)
	}
	for _, o := range op.Orders {
		s, _ := decode(o.With)
		picked, err := pick(l.rules, s, o.Services, id)
		if err != nil {
			t.Fatal(err)
		}
		seen, mixed := l.traffic(o.Target, h.Targets[o.Target], picked, id.namespace)
		if op.Later == nil && (!seen.Equal(o.Traffic) || mixed != "") {
			t.Errorf("%s: seen %+v (%s), ordered %+v", o.Target, seen, mixed, o.Traffic)
		}
		if op.Later != nil {
			out.Seen[o.Target+" "+mixed] = seen
		}
	}
	return out
}

// Whatever the user's rules and the order: what is written is seen as ordered, loosening gives back what was found, and rules
// of others stay where they are between those that are edited.
func TestLooseningUndoesTightening(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := routeID{httpRoute, "shop", "shop"}
		user := rapid.SliceOfN(rapid.Custom(drawRule), 1, 5).Draw(t, "rules")
		tracks := services{plan.Stable: "shop", plan.Canary: "shop-canary"}
		traffic := drawTraffic(t)
		picked, err := pick(user, Settings{}, tracks, id)
		if err != nil {
			t.Skip("no rule of the target")
		}
		h := held{Targets: map[string]record{"Deployment/shop/shop": {Traffic: traffic, Services: tracks}}}
		found := clones(user)
		written, err := tighten(user, h, map[string][]int{"Deployment/shop/shop": picked}, id)
		if err != nil {
			t.Skip("more than a route can hold")
		}
		if !reflect.DeepEqual(user, found) {
			t.Fatal("the user's rules were changed in place")
		}
		h = reread(t, h)
		l := loosen(written, h)
		if !reflect.DeepEqual(l.rules, found) {
			t.Fatalf("found %v, handed back %v", found, l.rules)
		}
		seen, mixed := l.traffic("Deployment/shop/shop", h.Targets["Deployment/shop/shop"], picked, "shop")
		if !seen.Equal(traffic) || mixed != "" {
			t.Fatalf("ordered %+v, seen %+v (%s)", traffic, seen, mixed)
		}
		if again := loosen(found, h); !reflect.DeepEqual(again.rules, found) {
			t.Fatalf("rules that Git has put back were taken for serin's: %v", again.rules)
		}
	})
}

func clones(rules []rule) []rule {
	all := make([]rule, len(rules))
	for i, r := range rules {
		all[i] = r.clone()
	}
	return all
}

// reread is what a new process knows.
func reread(t *rapid.T, h held) held {
	route := empty(httpRoute)
	if err := h.Write(route); err != nil {
		t.Fatal(err)
	}
	read, err := readHeld(route)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

func drawRule(t *rapid.T) rule {
	r := rule{"backendRefs": []any{map[string]any{
		"group": "", "kind": "Service", "name": rapid.SampledFrom([]string{"shop", "shop", "cart"}).Draw(t, "service"),
		"port": int64(80), "weight": int64(1),
	}}}
	if name := rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "name"); name != "" {
		r["name"] = name
	}
	var matches []any
	for range rapid.IntRange(1, 3).Draw(t, "matches") {
		m := map[string]any{"path": map[string]any{
			"type":  rapid.SampledFrom([]string{"PathPrefix", "Exact"}).Draw(t, "type"),
			"value": rapid.SampledFrom([]string{"/", "/shop", "/shop/new", "/cart"}).Draw(t, "path"),
		}}
		if rapid.Bool().Draw(t, "header") {
			m["headers"] = []any{map[string]any{"name": "X-Team", "type": "Exact", "value": "sre"}}
		}
		matches = append(matches, m)
	}
	r["matches"] = matches
	if rapid.Bool().Draw(t, "filter") {
		r["filters"] = []any{map[string]any{"type": "RequestMirror", "requestMirror": map[string]any{
			"backendRef": map[string]any{"group": "", "kind": "Service", "name": "audit", "port": int64(80)},
		}}}
	}
	return r
}

func drawTraffic(t *rapid.T) plan.Traffic {
	canary := plan.Share(rapid.IntRange(0, 1000).Draw(t, "canary"))
	traffic := plan.Traffic{Shares: plan.Shares{plan.Stable: plan.Whole - canary, plan.Canary: canary}}
	for range rapid.IntRange(0, 2).Draw(t, "matches") {
		m := plan.Match{Track: plan.Canary}
		switch rapid.IntRange(0, 2).Draw(t, "match") {
		case 0:
			m.Headers = []plan.Condition{{Name: "X-Staff", How: plan.Present}}
		case 1:
			m.Cookies = []plan.Condition{{Name: "beta", How: plan.Exact, Value: "on"}}
		case 2:
			m.Path = &plan.Condition{How: plan.Prefix, Value: "/shop/new"}
		}
		traffic.Matches = append(traffic.Matches, m)
	}
	if rapid.Bool().Draw(t, "mirror") {
		traffic.Mirror = &plan.Mirror{Track: plan.Canary, Share: 500}
	}
	return traffic
}

func TestCookiesAreFound(t *testing.T) {
	for _, test := range []struct {
		condition plan.Condition
		yes, no   []string
	}{
		{plan.Condition{Name: "beta", How: plan.Exact, Value: "o.n"}, []string{"beta=o.n", "a=b; beta=o.n;c=d"}, []string{"beta=oxn", "xbeta=o.n", "a=beta=o.n", "beta=o.n2", ""}},
		{plan.Condition{Name: "beta", How: plan.Prefix, Value: "o"}, []string{"beta=on", "beta=o; x=y"}, []string{"beta=xo", "x=o"}},
		{plan.Condition{Name: "beta", How: plan.Present}, []string{"beta=", "x=y; beta=1"}, []string{"alpha=beta"}},
		{plan.Condition{Name: "beta", How: plan.Regex, Value: "v.*1|[^a]2"}, []string{"beta=v01", "beta=b2"}, []string{"beta=v; x=1", "beta=a2", "beta=;2"}},
		{plan.Condition{Name: "beta", How: plan.Regex, Value: "^on$"}, []string{"beta=on", "x=y; beta=on; z=1"}, []string{"beta=one"}},
	} {
		expression, err := cookieExpression(test.condition)
		if err != nil {
			t.Fatal(err)
		}
		fits := regexp.MustCompile(expression).MatchString
		for _, header := range test.yes {
			if !fits(header) {
				t.Errorf("%s: %q does not meet %s", test.condition, header, expression)
			}
		}
		for _, header := range test.no {
			if fits(header) {
				t.Errorf("%s: %q meets %s", test.condition, header, expression)
			}
		}
	}
}
