package deploy

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/clustertest"
)

// TestInstall installs the chart with Helm, in a namespace that enforces the restricted profile and watches itself alone,
// releases something with it, and takes it away again. SERIN_IMAGE is the image, repository:tag, where the cluster finds it.
func TestInstall(t *testing.T) {
	api, ns := clustertest.New(t, scheme(t))
	image := os.Getenv("SERIN_IMAGE")
	if image == "" {
		t.Skip("NOT RUN: this test installs the image that SERIN_IMAGE names; `make image` makes one")
	}
	clustertest.Install(t)
	restrict(t, api, ns)
	i := installation{T: t, api: api, ns: ns}
	i.install(image)

	first := i.leader("")
	i.nothingForbidden()
	i.delete(&corev1.Pod{}, first) // as a drained node does
	i.leader(first)

	i.apply("one")
	i.await("the target is adopted", func(ctx context.Context) (bool, error) { return i.ready(ctx, "") })
	stable := i.stable()
	i.apply("two")
	i.await("the release is over", func(ctx context.Context) (bool, error) { return i.ready(ctx, stable) })
	i.nothingForbidden()

	canary := i.canary()
	i.delete(canary, "podinfo")
	i.await("the Canary is gone", func(ctx context.Context) (bool, error) {
		return apierrors.IsNotFound(api.Get(ctx, client.ObjectKeyFromObject(canary), canary)), nil
	})
	var target appsv1.Deployment
	if err := api.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "podinfo"}, &target); err != nil || target.Spec.Paused {
		t.Errorf("the target is left paused (%v): %v", target.Spec.Paused, err)
	}
	i.nothingForbidden()
	i.uninstall()
}

// An installation is the chart in a namespace.
type installation struct {
	*testing.T
	api *cluster.Access
	ns  string
}

func (i installation) helm(args ...string) {
	i.Helper()
	cmd := exec.CommandContext(i.Context(), helm(i), append(args, "--namespace", i.ns)...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+os.Getenv("SERIN_KUBECONFIG"))
	if out, err := cmd.CombinedOutput(); err != nil {
		i.Fatalf("helm %v: %v\n%s\n%s", args, err, out, i.logs())
	}
}

func (i installation) install(image string) {
	i.Helper()
	repository, tag, _ := strings.Cut(image, ":")
	sets := []string{
		"image.repository=" + repository, "image.tag=" + tag, "namespaces={" + i.ns + "}",
		"crds.install=false", "admission.enabled=false", "rbac.aggregate=false", // these would concern the whole cluster
		"routers.gatewayAPI=false", "workloads.daemonSet=false", // so that doing without is tried
		"topologySpreadConstraints=null", "resources.requests.cpu=10m",
	}
	i.helm("install", "serin", chart, "--set", strings.Join(sets, ","), "--wait", "--timeout", "3m")
	i.Cleanup(func() {
		if i.Failed() {
			i.Logf("logs:\n%s", i.logs())
		}
	})
}

func (i installation) uninstall() {
	i.Helper()
	i.helm("uninstall", "serin", "--wait", "--timeout", "2m")
	left := map[string]client.ObjectList{
		"Deployments": &appsv1.DeploymentList{}, "Services": &corev1.ServiceList{}, "ServiceAccounts": &corev1.ServiceAccountList{},
		"Roles": &rbacv1.RoleList{}, "RoleBindings": &rbacv1.RoleBindingList{}, "ClusterRoles": &rbacv1.ClusterRoleList{},
	}
	for _, what := range slices.Sorted(maps.Keys(left)) {
		labels := client.MatchingLabels{"app.kubernetes.io/name": "serin", "app.kubernetes.io/instance": "serin"}
		if err := i.api.List(i.Context(), left[what], client.InNamespace(i.ns), labels); err != nil {
			i.Error(err)
		} else if text := fmt.Sprint(left[what]); strings.Contains(text, "app.kubernetes.io/managed-by:Helm") {
			i.Errorf("%s are left behind: %s", what, text)
		}
	}
}

// leader waits until a pod that is ready, and is not the one before, holds the lease.
func (i installation) leader(before string) string {
	i.Helper()
	var holder string
	i.await("somebody leads", func(ctx context.Context) (bool, error) {
		var lease coordinationv1.Lease
		if err := i.api.Get(ctx, client.ObjectKey{Namespace: i.ns, Name: "serin-controller"}, &lease); err != nil {
			return false, client.IgnoreNotFound(err)
		}
		if lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == "" {
			return false, nil // not taken yet, or given back
		}
		holder, _, _ = strings.Cut(*lease.Spec.HolderIdentity, "_")
		var pod corev1.Pod
		if err := i.api.Get(ctx, client.ObjectKey{Namespace: i.ns, Name: holder}, &pod); err != nil {
			return false, client.IgnoreNotFound(err)
		}
		ready := slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		})
		return holder != before && ready, nil
	})
	return holder
}

// apply applies the target and its Canary, as a version that greets with a message.
func (i installation) apply(message string) {
	i.Helper()
	text, err := os.ReadFile("testdata/shop.yaml")
	if err != nil {
		i.Fatal(err)
	}
	image := os.Getenv("SERIN_TEST_IMAGE")
	if image == "" {
		image = "registry.local/podinfo:v1"
	}
	words := strings.NewReplacer("$IMAGE", image, "$MESSAGE", message)
	for _, o := range objects(i, []byte(words.Replace(string(text)))) {
		o.SetNamespace(i.ns)
		if err := i.api.Apply(i.Context(), client.ApplyConfigurationFromUnstructured(o), client.FieldOwner("user")); err != nil {
			i.Fatal(err)
		}
	}
}

func (i installation) canary() *unstructured.Unstructured {
	c := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "serin.dev/v1alpha1", "kind": "Canary"}}
	c.SetNamespace(i.ns)
	c.SetName("podinfo")
	return c
}

func (i installation) stable() string {
	i.Helper()
	c := i.canary()
	if err := i.api.Get(i.Context(), client.ObjectKeyFromObject(c), c); err != nil {
		i.Fatal(err)
	}
	stable, _, _ := unstructured.NestedString(c.Object, "status", "stable")
	return stable
}

// ready reports whether the Canary says so, with another stable revision than before.
func (i installation) ready(ctx context.Context, before string) (bool, error) {
	c := i.canary()
	if err := i.api.Get(ctx, client.ObjectKeyFromObject(c), c); err != nil {
		return false, err
	}
	conditions, _, err := unstructured.NestedSlice(c.Object, "status", "conditions")
	if err != nil {
		return false, err
	}
	for _, condition := range conditions {
		condition, _ := condition.(map[string]any)
		if condition["type"] == "Ready" && condition["status"] == "True" {
			stable, _, _ := unstructured.NestedString(c.Object, "status", "stable")
			return stable != "" && stable != before, nil
		}
	}
	return false, nil
}

func (i installation) delete(o client.Object, name string) {
	i.Helper()
	o.SetNamespace(i.ns)
	o.SetName(name)
	if err := i.api.Delete(i.Context(), o); err != nil {
		i.Fatal(err)
	}
}

func (i installation) await(what string, done wait.ConditionWithContextFunc) {
	i.Helper()
	if err := wait.PollUntilContextTimeout(i.Context(), 200*time.Millisecond, 3*time.Minute, true, done); err != nil {
		c := i.canary()
		_ = i.api.Get(i.Context(), client.ObjectKeyFromObject(c), c)
		i.Fatalf("wait until %s: %v; the Canary says %v", what, err, c.Object["status"])
	}
}

// nothingForbidden reads what all processes have logged.
func (i installation) nothingForbidden() {
	i.Helper()
	logs := i.logs()
	if !strings.Contains(logs, "controller starts") {
		i.Errorf("these are not the logs of a controller: %q", logs)
	}
	for lines := bufio.NewScanner(strings.NewReader(logs)); lines.Scan(); {
		if strings.Contains(strings.ToLower(lines.Text()), "forbidden") {
			i.Errorf("the roles are not enough: %s", lines.Text())
		}
	}
}

func (i installation) logs() string {
	kube, err := kubernetes.NewForConfig(clustertest.Config(i))
	if err != nil {
		return err.Error()
	}
	var pods corev1.PodList
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := i.api.List(ctx, &pods, client.InNamespace(i.ns), client.MatchingLabels{"app.kubernetes.io/name": "serin"}); err != nil {
		return err.Error()
	}
	var all strings.Builder
	for _, pod := range pods.Items {
		text, err := kube.CoreV1().Pods(i.ns).GetLogs(pod.Name, &corev1.PodLogOptions{LimitBytes: new(int64(1 << 20))}).DoRaw(ctx)
		fmt.Fprintf(&all, "%s\n%s%v\n", pod.Name, text, err)
	}
	return all.String()
}
