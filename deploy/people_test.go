package deploy

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/clustertest"
)

// Who may do what is asked of a real API server, by people with the chart's own roles.
func TestWhoMayAct(t *testing.T) {
	api, ns := clustertest.New(t, scheme(t))
	clustertest.Install(t)
	people := cast(t, api, ns)
	enforce(t, api, ns)

	const forged, verbless = "one's own name", "that takes the verb"
	for _, c := range []struct{ user, actor, verb, canary, refusal, reason string }{
		{"editor", "editor", "promote", "checkout", "", "edit includes promote"},
		{"editor", "editor", "pause", "checkout", "", "edit includes pause"},
		{"editor", "editor", "resume", "checkout", "", "edit includes resume"},
		{"editor", "editor", "abort", "checkout", "", "edit includes abort"},
		{"editor", "editor", "retry", "checkout", "", "edit includes retry"},
		{"editor", "editor", "approve", "checkout", verbless, "who changes a release does not approve it"},
		{"editor", "editor", "reject", "checkout", verbless, "nor reject it"},
		{"editor", "admin", "promote", "checkout", forged, "in somebody else's name"},
		{"editor", "Editor", "promote", "checkout", forged, "names are compared letter by letter"},
		{"admin", "admin", "approve", "checkout", "", "admin includes approve"},
		{"admin", "admin", "reject", "checkout", "", "admin includes reject"},
		{"admin", "editor", "approve", "checkout", forged, "not even an administrator acts in another name"},
		{"approver", "approver", "approve", "checkout", "", "a role with the one verb on the one Canary"},
		{"approver", "approver", "approve", "cart", verbless, "another Canary"},
		{"approver", "approver", "promote", "checkout", verbless, "another verb"},
		{"viewer", "viewer", "promote", "checkout", "cannot create resource", "view makes nothing"},
	} {
		err := people[c.user].Create(t.Context(), action(ns, c.canary, c.verb, c.actor), client.DryRunAll)
		switch {
		case c.refusal == "" && err != nil:
			t.Errorf("%s: %s may not %s %s: %v", c.reason, c.user, c.verb, c.canary, err)
		case c.refusal != "" && (err == nil || !strings.Contains(err.Error(), c.refusal)):
			t.Errorf("%s: %s as %s: %s %s: got %v, want a refusal with %q", c.reason, c.user, c.actor, c.verb, c.canary, err, c.refusal)
		}
	}
}

// Groups are those the API server knows the actor by, and no others.
func TestGroupsAreTheActorsOwn(t *testing.T) {
	api, ns := clustertest.New(t, scheme(t))
	clustertest.Install(t)
	people := cast(t, api, ns)
	enforce(t, api, ns)
	for _, c := range []struct {
		groups  []any
		refusal string
	}{
		{[]any{"sre"}, ""},
		{[]any{"sre", "dba"}, "is not in all of the groups sre, dba"},
		{[]any{"dba"}, "is not in all of the groups dba"},
	} {
		a := action(ns, "checkout", "approve", "approver")
		a.Object["spec"].(map[string]any)["groups"] = c.groups
		err := people["approver"].Create(t.Context(), a, client.DryRunAll)
		if (c.refusal == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.refusal) {
			t.Errorf("in the name of %v: got %v, want a refusal with %q", c.groups, err, c.refusal)
		}
	}
}

func TestRolesShowToViewersAndKeepRecordsFromEditors(t *testing.T) {
	api, ns := clustertest.New(t, scheme(t))
	clustertest.Install(t)
	people := cast(t, api, ns)
	a := action(ns, "checkout", "promote", "admin")
	if err := people["admin"].Create(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(a.GroupVersionKind())
	if err := people["viewer"].List(t.Context(), list, client.InNamespace(ns)); err != nil || len(list.Items) != 1 {
		t.Errorf("a viewer sees %d Actions: %v", len(list.Items), err)
	}
	if err := people["editor"].Delete(t.Context(), a.DeepCopy()); err == nil {
		t.Error("an editor deletes the record of what was done")
	}
	done := client.RawPatch("application/merge-patch+json", []byte(`{"status":{"state":"Done"}}`))
	if err := people["admin"].Status().Patch(t.Context(), a.DeepCopy(), done); err == nil {
		t.Error("an administrator answers an Action in the controller's place")
	}
	if err := people["admin"].Delete(t.Context(), a); err != nil {
		t.Errorf("an administrator cannot clean up: %v", err)
	}
}

func action(ns, canary, verb, actor string) *unstructured.Unstructured {
	a := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "serin.dev/v1alpha1", "kind": "Action",
		"spec": map[string]any{"canary": canary, "verb": verb, "actor": actor},
	}}
	a.SetNamespace(ns)
	a.SetGenerateName(canary + "-")
	return a
}

// cast gives each person the rules of the chart's role, in one namespace, as the cluster's own view, edit and admin have them
// by aggregation: who may edit may also view, and who is administrator may also edit.
func cast(t *testing.T, api *cluster.Access, ns string) map[string]client.Client {
	t.Helper()
	role := map[string][]rbacv1.PolicyRule{}
	for _, o := range objects(t, render(t)) {
		var r rbacv1.ClusterRole
		if o.GetKind() == "ClusterRole" && runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &r) == nil {
			role[r.Name] = r.Rules
		}
	}
	view, edit, admin := role["serin-view"], role["serin-edit"], role["serin-admin"]
	on := func(resource string, verb string, names ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{APIGroups: []string{"serin.dev"}, Resources: []string{resource}, Verbs: []string{verb}, ResourceNames: names}
	}
	people := map[string]client.Client{}
	for user, rules := range map[string][]rbacv1.PolicyRule{
		"viewer": view, "editor": slices.Concat(view, edit), "admin": slices.Concat(view, edit, admin),
		"approver": {on("actions", "create"), on("canaries", "approve", "checkout")},
	} {
		if len(rules) == 0 {
			t.Fatalf("the chart has no role for the %s", user)
		}
		meta := metav1.ObjectMeta{Name: user, Namespace: ns}
		binding := &rbacv1.RoleBinding{ObjectMeta: meta,
			RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: user},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}},
		}
		for _, o := range []client.Object{&rbacv1.Role{ObjectMeta: meta, Rules: rules}, binding} {
			if err := api.Create(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
		config := rest.CopyConfig(clustertest.Config(t))
		config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:authenticated", "sre"}}
		as, err := client.New(config, client.Options{Scheme: scheme(t), Mapper: api.RESTMapper()})
		if err != nil {
			t.Fatal(err)
		}
		people[user] = as
	}
	return people
}

// enforce installs the chart's admission policy for one namespace, and waits until the API server heeds it.
func enforce(t *testing.T, api *cluster.Access, ns string) {
	t.Helper()
	name := "serin-actions-" + ns
	for _, o := range objects(t, render(t)) {
		switch o.GetKind() {
		case "ValidatingAdmissionPolicy":
			here := map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": ns}}
			set(t, o, here, "spec", "matchConstraints", "namespaceSelector")
		case "ValidatingAdmissionPolicyBinding":
			set(t, o, name, "spec", "policyName")
		default:
			continue
		}
		o.SetName(name)
		if err := api.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if err := api.Delete(ctx, o); err != nil {
				t.Error(err)
			}
		})
	}
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		var policy admissionv1.ValidatingAdmissionPolicy
		if err := api.Get(ctx, client.ObjectKey{Name: name}, &policy); err != nil {
			return false, err
		}
		if checked := policy.Status.TypeChecking; checked == nil {
			return false, nil
		} else if len(checked.ExpressionWarnings) > 0 {
			t.Fatalf("the API server doubts the policy: %v", checked.ExpressionWarnings)
		}
		return api.Create(ctx, action(ns, "checkout", "promote", "nobody-at-all"), client.DryRunAll) != nil, nil
	})
	if err != nil {
		t.Fatalf("wait until the policy is heeded: %v", err)
	}
}

func set(t *testing.T, o *unstructured.Unstructured, value any, fields ...string) {
	t.Helper()
	if err := unstructured.SetNestedField(o.Object, value, fields...); err != nil {
		t.Fatal(err)
	}
}
