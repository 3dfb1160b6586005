package daemonset

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/held"
	"serin.dev/serin/internal/plan"
)

// configured lets the pods read the ConfigMap settings.
func configured(s *appsv1.DaemonSet) {
	p := &s.Spec.Template.Spec
	p.Containers[0].Args = []string{"--config-path=/config"}
	p.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "settings", MountPath: "/config"}}
	p.Volumes = []corev1.Volume{{Name: "settings", VolumeSource: corev1.VolumeSource{
		ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}},
	}}}
}

func (b *bench) settings(mode string) plan.Revision {
	b.t.Helper()
	o := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: b.key.Namespace, Name: "settings"}, Data: map[string]string{"mode": mode}}
	if err := b.writes.Client.Update(b.t.Context(), o); err != nil {
		b.t.Fatal(err)
	}
	return b.describe().Revision
}

// reads asks the one pod what it reads.
func (b *bench) reads(why, want string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 5*time.Second)
	defer cancel()
	var endpoints []plan.Endpoint
	for _, p := range b.observe() {
		endpoints = append(endpoints, p.Endpoints...)
	}
	if len(endpoints) != 1 {
		b.t.Fatalf("%s: endpoints %v", why, endpoints)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoints[0].URL+"/configs", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	var files map[string]string
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<16)).Decode(&files); err != nil || files["mode"] != want {
		b.t.Fatalf("%s: the pod reads %v, %v; want %s", why, files, err, want)
	}
}

// rests waits until all is done: the template names the ConfigMap that it should, and no copy is left over.
func (b *bench) rests(want wish, own bool, copies ...string) {
	b.t.Helper()
	b.until("it rests", func() bool {
		b.reach(want)
		s := b.get()
		stands := s.Spec.Template.Spec.Volumes[0].ConfigMap.Name == "settings"
		return stands == own && (s.Annotations[held.AskedAnnotation] == "") == own && slices.Equal(b.copies(), copies)
	})
	b.quiet(want)
}

func (b *bench) copies() []string {
	b.t.Helper()
	var list corev1.ConfigMapList
	if err := b.writes.List(b.t.Context(), &list, client.InNamespace(b.key.Namespace), client.HasLabels{cluster.TargetLabel}); err != nil {
		b.t.Fatal(err)
	}
	var modes []string
	for _, o := range list.Items {
		modes = append(modes, o.Data["mode"])
	}
	slices.Sort(modes)
	return modes
}

// A changed ConfigMap alone is a revision, and each keeps what it began with. What the user wrote stands in the spec again
// when a new pod of it would be what is wanted.
func TestConfigurationIsPartOfARevision(t *testing.T) {
	b := newBench(t, kubelets)
	o := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: b.key.Namespace, Name: "settings"}, Data: map[string]string{"mode": "one"}}
	if err := b.writes.Client.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	v1 := b.begin(1, configured)
	b.reads("adopted", "one")

	v2 := b.settings("two")
	b.quiet(wish{v1: 1})
	b.reach(wish{v1: 0, v2: 1})
	b.reads("released", "two")
	b.rests(wish{v2: 1}, true, "two")

	// A pod that comes new once the original has changed reads what is there, is seen to, and goes.
	v3 := b.settings("three")
	pods := b.who()
	for name := range pods {
		if err := b.writes.Client.Delete(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: b.key.Namespace, Name: name}}); err != nil {
			t.Fatal(err)
		}
	}
	b.until("another pod has come", func() bool { now := b.who(); return len(now) == 1 && !slices.Contains(names(pods), names(now)[0]) })
	b.reach(wish{v2: 1})
	b.reads("corrected", "two")

	b.reach(wish{v2: 0, v3: 1})
	b.reads("the next one", "three")
	b.reach(wish{v2: 1, v3: 0})
	b.reads("back", "two")
	b.rests(wish{v2: 1}, false, "two")
	if d := b.describe(); d.Revision != v3 {
		t.Errorf("asked for is %s, want the rejected %s", d.Revision, v3)
	}
	if r := b.settings("two"); r != v2 {
		t.Errorf("the old content is %s, want %s", r, v2)
	}
	b.rests(wish{v2: 1}, true, "two")
}

func names(pods map[string]plan.Revision) []string {
	var all []string
	for name := range pods {
		all = append(all, name)
	}
	return all
}
