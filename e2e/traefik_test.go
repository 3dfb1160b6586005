package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
)

// through lets a spec of the stories through the gateway go by a TraefikService of serin's.
func through(spec, settings string) string {
	return strings.Replace(spec, "gatewayAPI: {route: podinfo}", "traefik: {}"+settings, 1)
}

// behindTraefik plays podinfo v1 behind a route that refers to serin's TraefikService, which has to be there first.
func behindTraefik(t *testing.T, canary string) (*stage, *users) {
	s := newStage(t)
	s.podinfo("v1")
	s.file("service")
	s.canary(canary)
	s.file("traefikroute")
	s.served(gateway, "v1")
	u := s.users()
	u.served("v1", pace)
	return s, u
}

// Users are answered by the old version alone while the new one gets copies of half of what they ask; then it is promoted.
func TestMirrorThroughTraefik(t *testing.T) {
	s, u := behindTraefik(t, through(quick, "")+`
steps:
- {name: shadow, mirror: 50, approve: {}}
- {weight: 50, hold: 2s}
`)
	s.podinfo("v2")
	name := s.begun()
	s.at(name, "shadow", "AwaitingApproval", long)
	asked, copied := u.soFar().Total.Requests, s.asked("v2")
	u.served("v1", 10*pace)
	asked, copied = u.soFar().Total.Requests-asked, s.asked("v2")-copied
	t.Logf("of %d requests %d were copied", asked, copied)
	if slack := asked / 10; copied < asked/2-slack || copied > asked/2+slack {
		t.Errorf("of %d requests %d were copied, want half of them", asked, copied)
	}
	if n := u.soFar().Groups["v2"].Requests; n > 0 {
		t.Errorf("%d requests were answered by the mirror", n)
	}
	s.must("approve", "podinfo")
	s.ends(name, "Promoted", 2*time.Minute)
	u.nothingFrom(pace, "v1")
	s.pristine("v2")
	s.atRest()
	u.report("v1", "v2")
}

// asked is how many requests for the application the pods of a version have counted.
func (s *stage) asked(version string) (sum int64) {
	s.Helper()
	var pods corev1.PodList
	if err := s.List(s.Context(), &pods, client.InNamespace(s.ns)); err != nil {
		s.Fatal(err)
	}
	for _, p := range pods.Items {
		if p.Spec.Containers[0].Image != "registry.local/podinfo:"+version || p.Status.PodIP == "" {
			continue
		}
		resp, err := http.Get("http://" + p.Status.PodIP + ":9898/metrics")
		if err != nil {
			s.Fatal(err)
		}
		text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		resp.Body.Close()
		if err != nil {
			s.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
			if !strings.HasPrefix(series, "http_request_duration_seconds_count{") || !strings.Contains(series, "info") {
				continue
			}
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				s.Fatal(err)
			}
			sum += int64(n)
		}
	}
	return sum
}

// atRest checks that serin's TraefikService sends everything to stable, and that there is none beside it.
func (s *stage) atRest() {
	s.Helper()
	const want = `{"weighted":{"services":[{"kind":"Service","name":"podinfo","port":80,"weight":100}]}}`
	s.await("the TraefikService is at rest", long, func(ctx context.Context) (bool, error) {
		ts, err := s.traefikService(ctx, "podinfo-serin")
		if err != nil {
			return false, err
		}
		got, err := json.Marshal(ts.Object["spec"])
		if err == nil && string(got) != want {
			err = fmt.Errorf("it says %s", got)
		}
		return true, err
	})
	if _, err := s.traefikService(s.Context(), "podinfo-serin-shares"); !apierrors.IsNotFound(err) {
		s.Errorf("the TraefikService beside is still there: %v", err)
	}
}

func (s *stage) traefikService(ctx context.Context, name string) (*unstructured.Unstructured, error) {
	ts := &unstructured.Unstructured{}
	ts.SetGroupVersionKind(schema.GroupVersionKind{Group: "traefik.io", Version: "v1alpha1", Kind: "TraefikService"})
	return ts, s.Get(ctx, client.ObjectKey{Namespace: s.ns, Name: name}, ts)
}

// Users who keep their cookies keep their version through a step, while the weight grows, and until everybody changes over. In the
// next release they are dealt anew, and when it is sent back all of them come back. Nobody is refused on the way.
func TestStickySessions(t *testing.T) {
	s, u := behindTraefik(t, through(quick, ", sticky: {cookie: track, maxAge: 1h}")+`
steps:
- {weight: 20, approve: {}}
- {weight: 60, approve: {}}
`)
	s.podinfo("v2")
	second := s.begun()
	s.at(second, "20%", "AwaitingApproval", long)
	early := s.browsers(100)
	early.near(20, "v2")
	early.stay(3)
	s.must("approve", "podinfo")
	s.at(second, "60%", "AwaitingApproval", long)
	early.stay(3)
	late := s.browsers(100)
	late.near(60, "v2")
	s.must("approve", "podinfo")
	s.ends(second, "Promoted", 2*time.Minute)
	u.nothingFrom(pace, "v1")
	early.allOn("v2")
	late.allOn("v2")
	s.pristine("v2")
	s.atRest()

	s.podinfo("v3")
	third := s.begun()
	s.at(third, "20%", "AwaitingApproval", long)
	early.visit()
	early.near(20, "v3")
	early.stay(3)
	s.must("abort", "podinfo", "--reason", "wrong day")
	s.ends(third, "RolledBack", long)
	early.allOn("v2")
	u.nothingFrom(pace, "v3")
	s.atRest()
	u.report("v1", "v2", "v3")
}

// A Canary that is gone leaves the TraefikService behind, and users do not notice.
func TestEjectFromTraefik(t *testing.T) {
	s, u := behindTraefik(t, through(quick, "")+"steps:\n- {weight: 20, approve: {}}\n")
	s.podinfo("v2")
	s.at(s.begun(), "20%", "AwaitingApproval", long)
	u.served("v2", 5)
	s.podinfo("v1") // what is asked for now is stable, so it may be let go
	s.must("eject", "podinfo")
	u.nothingFrom(2*pace, "v2")
	s.atRest()
	ts, err := s.traefikService(t.Context(), "podinfo-serin")
	if err != nil {
		t.Fatal(err)
	}
	if note, ok := ts.GetAnnotations()[cluster.TrafficAnnotation]; ok {
		t.Errorf("the TraefikService still carries %s: %s", cluster.TrafficAnnotation, note)
	}
	u.report("v1", "v2")
}
