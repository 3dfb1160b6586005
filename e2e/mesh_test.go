package e2e

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/xds"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/emptypb"
)

// calls is of how many calls a share is measured. At 1 % the standard deviation of the share is then 0.16 %.
const calls = 4000

// A client of the mesh without a sidecar gets its routes from istiod itself: what it is answered follows the VirtualService that
// serin edits, at every step, and no call is lost on the way.
func TestMeshSplit(t *testing.T) {
	s := newStage(t)
	s.words["ARGS"] = ", --grpc-port=9999"
	s.file("deployment", "mesh")
	s.canary(`
traffic: {istio: {}}
judge: {kind: none}
steps:
- {weight: 1, approve: {}}
- {weight: 10, approve: {}}
- {weight: 50, approve: {}}
- {weight: 100, approve: {}}
`)
	m := s.mesh("podinfo." + s.ns + ".svc.cluster.local:9999")
	m.served("v1")

	s.podinfo("v2", "--grpc-port=9999")
	name := s.begun()
	for _, weight := range []int{1, 10, 50, 100} {
		s.at(name, fmt.Sprintf("%d%%", weight), "AwaitingApproval", long)
		m.splits(weight)
		s.must("approve", "podinfo")
	}
	s.ends(name, "Promoted", long)
	s.pristine("v2")
	if got := m.count(200); got["v2"] != 200 {
		t.Errorf("after the promotion: %v", got)
	}
}

// A mesh is a client of it that counts who answers.
type mesh struct {
	s    *stage
	conn *grpc.ClientConn
}

func (s *stage) mesh(service string) *mesh {
	s.Helper()
	resolver, err := xds.NewXDSResolverWithConfigForTesting(fmt.Appendf(nil, `{
	  "xds_servers": [{"server_uri": %q, "channel_creds": [{"type": "insecure"}], "server_features": ["xds_v3"]}],
	  "node": {"id": "sidecar~10.99.0.1~client.%[2]s~%[2]s.svc.cluster.local",
	           "metadata": {"GENERATOR": "grpc", "NAMESPACE": %[2]q, "CLUSTER_ID": "Kubernetes"}}}`, istiod, s.ns))
	if err != nil {
		s.Fatal(err)
	}
	conn, err := grpc.NewClient("xds:///"+service, grpc.WithResolvers(resolver), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { conn.Close() })
	return &mesh{s, conn}
}

// ask makes one call and says which version answered: the sixth field of what podinfo's InfoService tells.
func (m *mesh) ask(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var answer emptypb.Empty
	if err := m.conn.Invoke(ctx, "/info.InfoService/Info", &emptypb.Empty{}, &answer, grpc.WaitForReady(true)); err != nil {
		return "", err
	}
	for rest := answer.ProtoReflect().GetUnknown(); len(rest) > 0; {
		field, kind, n := protowire.ConsumeTag(rest)
		if n < 0 {
			return "", protowire.ParseError(n)
		}
		size := protowire.ConsumeFieldValue(field, kind, rest[n:])
		if size < 0 {
			return "", protowire.ParseError(size)
		}
		if field == 6 {
			version, _ := protowire.ConsumeString(rest[n:])
			return version, nil
		}
		rest = rest[n+size:]
	}
	return "", fmt.Errorf("nobody says who they are")
}

// served waits until the mesh knows the way to a version.
func (m *mesh) served(version string) {
	m.s.Helper()
	m.s.await("the mesh reaches "+version, long, func(ctx context.Context) (bool, error) {
		got, err := m.ask(ctx)
		return got == version, err
	})
}

// count makes calls, each of which must be answered, and tells by whom.
func (m *mesh) count(n int) map[string]int {
	m.s.Helper()
	by := map[string]int{}
	for range n {
		version, err := m.ask(m.s.Context())
		if err != nil {
			m.s.Fatalf("a call was lost: %v (of %v)", err, by)
		}
		by[version]++
	}
	return by
}

// splits checks that v2 gets its weight: within four standard deviations, which a true share leaves once in 15,000 times.
func (m *mesh) splits(weight int) {
	m.s.Helper()
	by := m.count(calls)
	share := float64(weight) / 100
	want, slack := calls*share, 4*math.Sqrt(calls*share*(1-share))
	m.s.Logf("at %d%%: v2 answered %d of %d calls, expected %.0f±%.0f", weight, by["v2"], calls, want, slack)
	if math.Abs(float64(by["v2"])-want) > slack || by["v1"]+by["v2"] != calls {
		m.s.Errorf("at %d%%: %v answered, want %.0f±%.0f from v2", weight, by, want, slack)
	}
}
