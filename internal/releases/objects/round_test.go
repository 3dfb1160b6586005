package objects

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/api/v1alpha1"
	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
	"serin.dev/serin/internal/releases/conformance"
)

// A still client is a cache in which nothing changes: reads cost what they cost there.
type still struct {
	client.Client
	canaries map[client.ObjectKey]*Canary
	releases map[client.ObjectKey]*Release
}

func (s *still) Get(_ context.Context, key client.ObjectKey, into client.Object, opts ...client.GetOption) error {
	options := (&client.GetOptions{}).ApplyOptions(opts)
	shared := options.UnsafeDisableDeepCopy != nil && *options.UnsafeDisableDeepCopy
	switch into := into.(type) {
	case *Canary:
		if c, ok := s.canaries[key]; ok && shared {
			*into = *c
			return nil
		} else if ok {
			c.DeepCopyInto(into)
			return nil
		}
	case *Release:
		if r, ok := s.releases[key]; ok && shared {
			*into = *r
			return nil
		} else if ok {
			r.DeepCopyInto(into)
			return nil
		}
	}
	return apierrors.NewNotFound(schema.GroupResource{Group: v1alpha1.Group}, key.Name)
}

// underWay is a store that knows a Canary whose release is under way, half an hour old, with four pods on each side.
func underWay(t testing.TB) (s *Store, target, canary, release string) {
	t.Helper()
	target, canary = "Deployment/bench/shop", "bench/shop"
	r := conformance.Sample(1)
	r.Name, r.Canary, r.Target, r.Plan.Target = releases.Name(canary, 1), canary, target, target
	for rev := range r.Templates {
		r.Templates[rev] = json.RawMessage(deployed)
	}
	c := &Canary{ObjectMeta: metav1.ObjectMeta{Namespace: "bench", Name: "shop", UID: "c", ResourceVersion: "10", Generation: 1}}
	c.Spec = json.RawMessage(`{"target":{"kind":"Deployment","name":"shop"}}`)
	record := releases.Target{Key: target, Owner: canary, Latest: r.Name, Number: 1}
	for i := range 10 {
		record.History = append(record.History, releases.Line{Release: fmt.Sprint(i), From: "a", To: "b", Phase: plan.Succeeded})
	}
	var err error
	if c.Status.Record, err = pack(targetRecord{releases.Format, record}); err != nil {
		t.Fatal(err)
	}
	o, err := newRelease(c, r)
	if err != nil {
		t.Fatal(err)
	}
	status := releases.Status{Evidence: map[string]releases.Evidence{"sequential": evidence(t, 4)}}
	status.Position = plan.Position{Phase: plan.Progressing, Entered: r.Created, Dark: map[string]time.Time{}}
	for i := range 30 {
		status.Remember(releases.Event{At: r.Created, Reason: "StepReached", Text: "25% reached after the canary was ready", Step: i % 4})
	}
	o.UID, o.ResourceVersion = "r", "20"
	if o.Status, err = statusOf(r, status); err != nil {
		t.Fatal(err)
	}
	known := &still{
		canaries: map[client.ObjectKey]*Canary{{Namespace: "bench", Name: "shop"}: c},
		releases: map[client.ObjectKey]*Release{{Namespace: "bench", Name: "shop-1"}: o},
	}
	s = New(&cluster.Access{Client: known, Live: known, Now: time.Now})
	s.homes[target] = types.NamespacedName{Namespace: "bench", Name: "shop"}
	return s, target, canary, r.Name
}

// deployed is a template as a Deployment has them.
const deployed = `{"pod":{"metadata":{"labels":{"app":"shop","tier":"front"},"annotations":{"prometheus.io/scrape":"true"}},` +
	`"spec":{"containers":[{"name":"shop","image":"registry.example/shop:1.2.3","ports":[{"containerPort":8080,"protocol":"TCP"}],` +
	`"env":[{"name":"MODE","value":"production"},{"name":"REGION","value":"north"}],"resources":{"requests":{"cpu":"100m","memory":"64Mi"}},` +
	`"readinessProbe":{"httpGet":{"path":"/readyz","port":8080,"scheme":"HTTP"},"timeoutSeconds":1,"periodSeconds":10}}],` +
	`"restartPolicy":"Always","terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst","schedulerName":"default-scheduler"}}}`

// What one round of a release under way asks of the store: bring, load and report.
func BenchmarkRound(b *testing.B) {
	s, target, canary, release := underWay(b)
	b.ReportAllocs()
	for b.Loop() {
		for range 2 {
			if _, err := s.Target(target); err != nil {
				b.Fatal(err)
			}
		}
		for range 3 {
			if _, _, err := s.Release(release); err != nil {
				b.Fatal(err)
			}
		}
		err := s.Report(b.Context(), canary, func(before v1alpha1.CanaryStatus, _ int64) v1alpha1.CanaryStatus { return before })
		if err != nil {
			b.Fatal(err)
		}
	}
}
