package deployment

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/clustertest"
	"serin.dev/serin/internal/cluster/config"
	"serin.dev/serin/internal/workload"
)

// as gives the stand the rights of a user who has these rules in the namespace, and no others.
func (s *stand) as(name string, rules cluster.Rules) {
	s.t.Helper()
	s.create(
		&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: s.ns}, Rules: rules},
		&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: s.ns},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: s.ns + "-" + name}},
		},
	)
	limited := rest.CopyConfig(clustertest.Config(s.t))
	limited.Impersonate = rest.ImpersonationConfig{UserName: s.ns + "-" + name, Groups: []string{"system:authenticated"}}
	c, err := client.New(limited, client.Options{Scheme: kinds(s.t)})
	if err != nil {
		s.t.Fatal(err)
	}
	kube, err := kubernetes.NewForConfig(limited)
	if err != nil {
		s.t.Fatal(err)
	}
	pods := cluster.NewPods(kube, nil)
	s.t.Cleanup(pods.Close)
	s.d = New(workload.Env{Cluster: &cluster.Access{Client: c, Live: c, Pods: pods, Now: time.Now, Log: s.a.Log}, Log: s.a.Log})
}

// The rules that the chart grants are enough for a whole release. Without those for Secrets, Secrets are no part of revisions.
func TestRules(t *testing.T) {
	for name, more := range map[string]cluster.Rules{"without-secrets": nil, "with-secrets": config.SecretRules()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			s.as(name, append(rules(), more...))
			d := deployment(s.ns, "checkout", "v1")
			c := &d.Spec.Template.Spec.Containers[0]
			c.EnvFrom = []corev1.EnvFromSource{
				{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}}},
				{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "token"}}},
			}
			token := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "token", Namespace: s.ns}, StringData: map[string]string{"A": "1"}}
			s.create(token,
				&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "settings", Namespace: s.ns}},
				service(s.ns, "checkout", map[string]string{"app": "checkout"}), hpa(s.ns, "checkout", 2, 4), d)
			v1 := s.describe("checkout")
			s.settled("checkout", v1)
			s.version("checkout", "v2")
			v2 := s.describe("checkout")
			s.reach("checkout", "the canary is ready", order(v1, v2, 2), ready(canaryPool, v2.Revision, 2))
			s.reach("checkout", "stable has rolled", order(v2, v2, 2), ready(stablePool, v2.Revision, 2))
			s.settled("checkout", v2)

			token.Data = map[string][]byte{"A": []byte("2")}
			if err := s.a.Update(t.Context(), token); err != nil {
				t.Fatal(err)
			}
			later := time.Now().Add(2 * time.Minute) // than a Secret is remembered
			s.d.a.Now = func() time.Time { return later }
			if changed := s.describe("checkout").Revision != v2.Revision; changed != (more != nil) {
				t.Errorf("a changed Secret made a revision: %t", changed)
			}
			s.edit("checkout", unpause) // somebody rolls it past serin
			s.settled("checkout", v2)
			if err := s.d.Eject(t.Context(), s.target("checkout"), v2.Revision); err != nil {
				t.Error(err)
			}
		})
	}
}
