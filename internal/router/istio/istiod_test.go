package istio

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	envoy "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/prototext"

	"serin.dev/serin/internal/plan"
)

const services = `
apiVersion: v1
kind: Service
metadata: {name: %s}
spec:
  selector: {app: %s}
  ports: [{name: http, port: 80}]
`

const routesType = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"

// TestIstiod reads what a real istiod makes of the orders for the Envoy of a pod, over ADS.
func TestIstiod(t *testing.T) {
	address := os.Getenv("SERIN_ISTIOD")
	if address == "" {
		t.Skip("NOT RUN: this test needs istiod; SERIN_ISTIOD is its plaintext ADS, HOST:15010, as `bin/cluster up --with istio` starts it")
	}
	m := newMesh(t)
	for _, name := range []string{"checkout", "checkout-canary"} {
		m.must(m.apply(fmt.Sprintf(services, name, name), "gitops"))
	}
	m.must(m.apply(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: checkout}
spec:
  hosts: [checkout]
  http:
  - match: [{uri: {prefix: /api}}, {method: {exact: DELETE}}]
    route: [{destination: {host: checkout}}]
    timeout: 5s
  - route: [{destination: {host: checkout}}]
`, "gitops"))
	p := subscribe(t, m, address)
	r := named{New(m.Access)}
	stable, canary := p.cluster("", "checkout"), p.cluster("", "checkout-canary")
	api, deletion := `prefix:/api`, `:method exact:DELETE`
	split := func(s, c int) string { return fmt.Sprintf("%s %d, %s %d", stable, s, canary, c) }
	shares := func(c plan.Share) plan.Shares { return plan.Shares{plan.Stable: plan.Whole - c, plan.Canary: c} }
	header := func(name string, how plan.How, value string) []plan.Condition {
		return []plan.Condition{{Name: name, How: how, Value: value}}
	}
	cases := []struct {
		reason  string
		traffic plan.Traffic
		want    []string
	}{
		{"whole per cent", plan.Traffic{Shares: shares(100)}, []string{
			api + " -> " + split(90, 10), "prefix:/ " + deletion + " -> " + split(90, 10), "prefix:/ -> " + split(90, 10),
		}},
		{"thousandths", plan.Traffic{Shares: shares(5)}, []string{
			api + " -> " + split(995, 5), "prefix:/ " + deletion + " -> " + split(995, 5), "prefix:/ -> " + split(995, 5),
		}},
		{"all on canary", plan.Traffic{Shares: shares(1000)}, []string{
			api + " -> " + canary, "prefix:/ " + deletion + " -> " + canary, "prefix:/ -> " + canary,
		}},
		{"matches, in order", plan.Traffic{Shares: shares(0), Matches: []plan.Match{
			{Headers: header("X-Canary", plan.Exact, "insider"), Track: plan.Canary},
			{Cookies: header("canary", plan.Exact, "always"), Path: &plan.Condition{How: plan.Prefix, Value: "/api/v2"}, Track: plan.Canary},
			{Headers: header("x-any", plan.Present, ""), Track: plan.Stable},
			{Headers: header("x-a", plan.Regex, "b+"), Track: plan.Canary},
			{Headers: header("x-p", plan.Prefix, "b"), Track: plan.Canary},
		}}, []string{
			api + " x-canary exact:insider -> " + canary,
			"prefix:/ " + deletion + " x-canary exact:insider -> " + canary,
			`prefix:/api/v2 cookie regex:^(.*?;)?\s*(canary=always)(;.*)?$ -> ` + canary,
			`prefix:/api/v2 ` + deletion + ` cookie regex:^(.*?;)?\s*(canary=always)(;.*)?$ -> ` + canary,
			api + " x-any present -> " + stable, "prefix:/ " + deletion + " x-any present -> " + stable,
			api + " x-a regex:b+ -> " + canary, "prefix:/ " + deletion + " x-a regex:b+ -> " + canary,
			api + " x-p prefix:b -> " + canary, "prefix:/ " + deletion + " x-p prefix:b -> " + canary,
			api + " -> " + stable, "prefix:/ " + deletion + " -> " + stable,
			"prefix:/ x-canary exact:insider -> " + canary,
			`prefix:/api/v2 cookie regex:^(.*?;)?\s*(canary=always)(;.*)?$ -> ` + canary,
			"prefix:/ x-any present -> " + stable, "prefix:/ x-a regex:b+ -> " + canary, "prefix:/ x-p prefix:b -> " + canary,
			"prefix:/ -> " + stable,
		}},
		{"a mirror of a quarter", plan.Traffic{Shares: shares(100), Mirror: &plan.Mirror{Track: plan.Canary, Share: 250}}, []string{
			api + " -> " + split(90, 10) + " mirror " + canary + " 250000/MILLION",
			"prefix:/ " + deletion + " -> " + split(90, 10) + " mirror " + canary + " 250000/MILLION",
			"prefix:/ -> " + split(90, 10) + " mirror " + canary + " 250000/MILLION",
		}},
		{"a mirror of a two-hundredth", plan.Traffic{Shares: shares(0), Mirror: &plan.Mirror{Track: plan.Canary, Share: 5}}, []string{
			api + " -> " + stable + " mirror " + canary + " 5000/MILLION",
			"prefix:/ " + deletion + " -> " + stable + " mirror " + canary + " 5000/MILLION",
			"prefix:/ -> " + stable + " mirror " + canary + " 5000/MILLION",
		}},
		{"handed back", all(), []string{api + " -> " + stable, "prefix:/ " + deletion + " -> " + stable, "prefix:/ -> " + stable}},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			m.must(m.order(r, "", c.traffic))
			p.until(t, c.want)
		})
	}
	t.Run("subsets", func(t *testing.T) { subsets(t, m, p) })
	t.Run("subsets of serin's own", func(t *testing.T) { subsetsOfSerin(t, m, p) })
	t.Run("a delegate of serin's own", func(t *testing.T) { delegate(t, m, p) })
}

// subsets are of one Service, and the user's DestinationRule makes clusters of them.
func subsets(t *testing.T, m mesh, p *proxy) {
	m.must(m.apply(`
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: checkout}
spec: {host: checkout, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
`, "gitops"))
	m.must(m.apply(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: checkout}
spec:
  hosts: [checkout]
  http: [{route: [{destination: {host: checkout, subset: v1}}]}]
`, "gitops"))
	m.must(m.order(New(m.Access), `{"service":"checkout","destinationRule":{"name":"checkout","subsets":{"stable":"v1","canary":"v2"}}}`, split90()))
	p.until(t, []string{fmt.Sprintf("prefix:/ -> %s 90, %s 10", p.cluster("v1", "checkout"), p.cluster("v2", "checkout"))})
}

// subsetsOfSerin are known to proxies before the routes that name them.
func subsetsOfSerin(t *testing.T, m mesh, p *proxy) {
	for _, kind := range []string{"VirtualService", "DestinationRule"} {
		theirs := empty(kind)
		theirs.SetNamespace(m.namespace)
		theirs.SetName("checkout")
		m.must(m.Delete(t.Context(), theirs))
	}
	m.twoVersions()
	now := time.Now()
	access := *m.Access
	access.Now = func() time.Time { return now }
	r := named{New(&access)}
	m.must(m.order(r, ownSubsets, split90()))
	now = now.Add(2 * time.Second)
	m.must(m.order(r, ownSubsets, split90()))
	p.until(t, []string{fmt.Sprintf("prefix:/ -> %s 90, %s 10", p.cluster("stable", "checkout"), p.cluster("canary", "checkout"))})
	m.must(m.order(r, ownSubsets, all()))
	p.until(t, []string{"prefix:/ -> " + p.cluster("stable", "checkout")})
}

// delegate: the user's VirtualService has the hosts, and hands requests over to serin's.
func delegate(t *testing.T, m mesh, p *proxy) {
	m.must(m.apply(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: root}
spec:
  hosts: [checkout]
  http: [{match: [{uri: {prefix: /api}}], delegate: {name: checkout-serin}}]
`, "gitops"))
	r := named{New(m.Access)}
	m.must(m.order(r, `{"mode":"own","delegate":true,"port":80}`, split90()))
	p.until(t, []string{fmt.Sprintf("prefix:/api -> %s 90, %s 10", p.cluster("", "checkout"), p.cluster("", "checkout-canary"))})
}

// A proxy is istiod's client: what a sidecar of the namespace would be told.
type proxy struct {
	namespace string
	stream    grpc.BidiStreamingClient[discovery.DiscoveryRequest, discovery.DiscoveryResponse]
	node      *core.Node
	last      []string
}

func subscribe(t *testing.T, m mesh, address string) *proxy {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	m.must(err)
	t.Cleanup(func() { conn.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	stream, err := discovery.NewAggregatedDiscoveryServiceClient(conn).StreamAggregatedResources(ctx)
	m.must(err)
	p := &proxy{namespace: m.namespace, stream: stream, node: &core.Node{
		Id: fmt.Sprintf("sidecar~10.97.0.201~client.%s~%s.svc.cluster.local", m.namespace, m.namespace),
	}}
	m.must(stream.Send(&discovery.DiscoveryRequest{Node: p.node, TypeUrl: routesType, ResourceNames: []string{"80"}}))
	return p
}

func (p *proxy) cluster(subset, service string) string {
	return fmt.Sprintf("outbound|80|%s|%s.%s.svc.cluster.local", subset, service, p.namespace)
}

// until takes pushes until the routes are as wanted.
func (p *proxy) until(t *testing.T, want []string) {
	t.Helper()
	for !slices.Equal(p.last, want) {
		got, err := p.stream.Recv()
		if err != nil {
			t.Fatalf("%v; the last routes were\n%s\nwant\n%s", err, strings.Join(p.last, "\n"), strings.Join(want, "\n"))
		}
		ack := &discovery.DiscoveryRequest{TypeUrl: routesType, ResourceNames: []string{"80"}, VersionInfo: got.VersionInfo, ResponseNonce: got.Nonce}
		if err := p.stream.Send(ack); err != nil {
			t.Fatal(err)
		}
		for _, resource := range got.Resources {
			routes := &envoy.RouteConfiguration{}
			if err := resource.UnmarshalTo(routes); err != nil {
				t.Fatal(err)
			}
			p.last = p.told(routes)
		}
	}
}

// told writes the routes of checkout as lines.
func (p *proxy) told(routes *envoy.RouteConfiguration) []string {
	for _, host := range routes.VirtualHosts {
		if slices.Contains(host.Domains, "checkout."+p.namespace+".svc.cluster.local") {
			var lines []string
			for _, r := range host.Routes {
				lines = append(lines, line(r))
			}
			return lines
		}
	}
	return nil
}

func line(r *envoy.Route) string {
	var words []string
	switch m := r.Match.PathSpecifier.(type) {
	case *envoy.RouteMatch_Prefix:
		words = append(words, "prefix:"+m.Prefix)
	case *envoy.RouteMatch_Path:
		words = append(words, "exact:"+m.Path)
	default:
		words = append(words, prototext.Format(r.Match))
	}
	for _, h := range slices.SortedFunc(slices.Values(r.Match.Headers), byName) { // all must fit: their order says nothing
		s := h.GetStringMatch()
		switch {
		case s == nil && h.GetPresentMatch():
			words = append(words, h.Name, "present")
		case s.GetSafeRegex() != nil:
			words = append(words, h.Name, "regex:"+s.GetSafeRegex().Regex)
		case s.GetPrefix() != "":
			words = append(words, h.Name, "prefix:"+s.GetPrefix())
		case s.GetExact() != "":
			words = append(words, h.Name, "exact:"+s.GetExact())
		default:
			words = append(words, prototext.Format(h))
		}
	}
	words = append(words, "->")
	a := r.GetRoute()
	if one := a.GetCluster(); one != "" {
		words = append(words, one)
	}
	var split []string
	for _, c := range a.GetWeightedClusters().GetClusters() {
		split = append(split, fmt.Sprintf("%s %d", c.Name, c.Weight.GetValue()))
	}
	if len(split) == 1 { // whatever its weight, it gets all
		split = []string{a.GetWeightedClusters().GetClusters()[0].Name}
	}
	if len(split) > 0 {
		words = append(words, strings.Join(split, ", "))
	}
	for _, m := range a.GetRequestMirrorPolicies() {
		words = append(words, "mirror", m.Cluster, fmt.Sprintf("%d/%s", m.RuntimeFraction.DefaultValue.Numerator, m.RuntimeFraction.DefaultValue.Denominator))
	}
	return strings.Join(words, " ")
}

func byName(a, b *envoy.HeaderMatcher) int { return strings.Compare(a.Name, b.Name) }
