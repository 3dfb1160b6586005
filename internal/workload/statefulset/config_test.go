package statefulset

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/held"
	"serin.dev/serin/internal/plan"
)

// configured lets the pods read the ConfigMap settings, by a volume, and the Secret token, by their environment.
func configured(s *appsv1.StatefulSet) {
	p := &s.Spec.Template.Spec
	c := &p.Containers[0]
	c.Args = []string{"--config-path=/config"}
	c.VolumeMounts = []corev1.VolumeMount{{Name: "settings", MountPath: "/config"}}
	c.Env = append(c.Env, corev1.EnvVar{Name: "TOKEN", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
		LocalObjectReference: corev1.LocalObjectReference{Name: "token"}, Key: "token",
	}}})
	p.Volumes = []corev1.Volume{{Name: "settings", VolumeSource: corev1.VolumeSource{
		ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}},
	}}}
}

// settings writes the ConfigMap.
func (b *bench) settings(mode string) {
	b.t.Helper()
	o := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: b.key.Namespace, Name: "settings"}, Data: map[string]string{"mode": mode}}
	err := b.writes.Client.Update(b.t.Context(), o)
	if client.IgnoreNotFound(err) == nil && err != nil {
		err = b.writes.Client.Create(b.t.Context(), o)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) token() {
	b.t.Helper()
	o := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: b.key.Namespace, Name: "token"}, StringData: map[string]string{"token": "secret"}}
	if err := b.writes.Client.Create(b.t.Context(), o); err != nil {
		b.t.Fatal(err)
	}
}

// modes asks every pod what it reads, and returns that by pod.
func (b *bench) modes() map[string]string {
	b.t.Helper()
	modes := map[string]string{}
	for _, p := range b.observe() {
		for _, e := range p.Endpoints {
			name, _, _ := strings.Cut(e.Instance, "@")
			modes[name] = b.mode(e)
		}
	}
	return modes
}

func (b *bench) mode(e plan.Endpoint) string {
	ctx, cancel := context.WithTimeout(b.t.Context(), 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, e.URL+"/configs", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	if err != nil {
		return err.Error()
	}
	var files map[string]string
	if err := json.Unmarshal(data, &files); err != nil {
		return string(data)
	}
	return files["mode"]
}

// all says the same of every pod.
func all(mode string) map[string]string {
	modes := map[string]string{}
	for i := range size {
		modes[fmt.Sprintf("db-%d", i)] = mode
	}
	return modes
}

func (b *bench) read(why string, want map[string]string) {
	b.t.Helper()
	if got := b.modes(); !maps.Equal(got, want) {
		b.t.Fatalf("%s: pods read %v, want %v", why, got, want)
	}
}

// restart ends a pod and waits until another one is ready in its place.
func (b *bench) restart(name string) {
	b.t.Helper()
	before := b.who()
	if err := b.writes.Client.Delete(b.t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: b.key.Namespace, Name: name}}); err != nil {
		b.t.Fatal(err)
	}
	b.until(name+" is there again", func() bool {
		now := b.who()
		return len(now) == size && !maps.Equal(now, before)
	})
}

// names is the ConfigMap that the template in the spec names.
func (b *bench) names() string { return b.get().Spec.Template.Spec.Volumes[0].ConfigMap.Name }

// copies are what serin keeps of the ConfigMap, by name.
func (b *bench) copies() []string {
	b.t.Helper()
	var list corev1.ConfigMapList
	if err := b.writes.List(b.t.Context(), &list, client.InNamespace(b.key.Namespace), client.HasLabels{cluster.TargetLabel}); err != nil {
		b.t.Fatal(err)
	}
	var modes []string
	for _, o := range list.Items {
		if o.Immutable == nil || !*o.Immutable {
			b.t.Errorf("%s can be changed", o.Name)
		}
		modes = append(modes, o.Data["mode"])
	}
	slices.Sort(modes)
	return modes
}

// rests waits until all is done, and what the user wrote stands in the spec.
func (b *bench) rests(want wish, copies ...string) {
	b.t.Helper()
	b.until("what the user wrote stands in the spec, and no copy is left over", func() bool {
		b.reach(want)
		return b.names() == "settings" && b.get().Annotations[held.AskedAnnotation] == "" && slices.Equal(b.copies(), copies)
	})
	b.quiet(want)
}

// A changed ConfigMap alone is a revision. Each revision keeps what it began with, whatever becomes of the original.
func TestConfigurationIsPartOfARevision(t *testing.T) {
	b := newBench(t)
	b.settings("one")
	b.token()
	v1 := b.begin(configured)
	b.read("adopted", all("one"))
	before := b.who()

	b.settings("two")
	v2 := b.describe().Revision
	if v2 == v1 {
		t.Fatalf("a changed ConfigMap makes no revision: %s", v2)
	}
	b.quiet(wish{v1: size})
	if after := b.who(); !maps.Equal(before, after) {
		t.Fatalf("pods were replaced: %v, before %v", after, before)
	}
	b.reach(wish{v1: size - 1, v2: 1})
	b.quiet(wish{v1: size - 1, v2: 1})
	b.settings("three")
	v3 := b.describe().Revision
	b.restart("db-2")
	if got := b.modes()["db-2"]; got != "two" || b.revisionOf("db-2") != v2 {
		t.Errorf("a pod that was restarted during its batch reads %q, and is %s", got, b.revisionOf("db-2"))
	}

	b.reach(wish{v1: size, v2: 0})
	b.rests(wish{v1: size}, "one")
	b.read("back", all("one"))

	b.reach(wish{v1: 0, v3: size})
	b.rests(wish{v3: size}, "three")
	b.settings("four")
	b.restart("db-0")
	b.read("promoted, and the original has changed since", all("three"))
	b.ejected(v3)
}

// ejected lets go: no pod is replaced, until the user writes the template again.
func (b *bench) ejected(settled plan.Revision) {
	b.t.Helper()
	before := b.who()
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error { return b.sets.Eject(b.t.Context(), b.target, settled) })
	if err != nil {
		b.t.Fatal(err)
	}
	s := b.get()
	for _, m := range s.ManagedFields {
		if m.Manager == cluster.Manager {
			b.t.Errorf("serin still owns %s", m.FieldsV1)
		}
	}
	b.until("Kubernetes has seen it", func() bool { s := b.get(); return s.Status.ObservedGeneration == s.Generation })
	if after := b.who(); !maps.Equal(before, after) {
		b.t.Errorf("pods were replaced: %v, before %v", after, before)
	}
	b.write("v1", size, configured)
	if name := b.names(); name != "settings" {
		b.t.Errorf("the user's next template names %s", name)
	}
	b.until("it is rolled out by itself", func() bool { return maps.Equal(b.modes(), all("four")) })
}

// A tool that writes Git's template again and again is given way to, and the release goes on.
func TestConfigurationUnderAToolThatInsists(t *testing.T) {
	b := newBench(t)
	b.settings("one")
	b.token()
	v1 := b.begin(configured)
	b.settings("two")
	v2 := b.write("v2", size, configured)
	want := wish{v1: size - 1, v2: 1}
	b.reach(want)
	if b.names() == "settings" {
		t.Fatal("the template of a batch names the original")
	}
	b.write("v2", size, configured)
	b.reach(want)
	b.quiet(want)
	if name := b.names(); name != "settings" {
		t.Errorf("serin put %s there again", name)
	}
	b.reach(wish{v1: 0, v2: size})
	b.rests(wish{v2: size}, "two")
	b.read("promoted", all("two"))
}

// Pods may read what is forbidden to serin, or wants to be no part of revisions: then nothing of the template is touched.
func TestConfigurationThatIsIgnored(t *testing.T) {
	b := newBench(t)
	b.settings("one")
	b.token()
	ignore := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"serin.dev/config":"ignore"}}}`))
	for name, o := range map[string]client.Object{"settings": &corev1.ConfigMap{}, "token": &corev1.Secret{}} {
		o.SetNamespace(b.key.Namespace)
		o.SetName(name)
		if err := b.writes.Client.Patch(t.Context(), o, ignore); err != nil {
			t.Fatal(err)
		}
	}
	v1 := b.begin(configured)
	v2 := b.write("v2", size, configured)
	b.reach(wish{v1: size - 1, v2: 1})
	if name := b.names(); name != "settings" || len(b.copies()) != 0 {
		t.Errorf("the template names %s, copies %v", name, b.copies())
	}
}
