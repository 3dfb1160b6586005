package wiring

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr"
	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/api/v1alpha1"
	"serin.dev/serin/internal/catalog"
	"serin.dev/serin/internal/cli"
	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/progress"
	"serin.dev/serin/internal/reconcile"
	"serin.dev/serin/internal/releases"
	"serin.dev/serin/internal/releases/objects"
)

// A Remote shows the releases of a cluster, and acts on them, with nothing but the API server and the user's own rights.
type Remote struct {
	access    *cluster.Access
	kube      kubernetes.Interface
	loop      *reconcile.Loop
	namespace string
}

// NewRemote reaches the cluster that the user means. Nothing is asked before the first call.
func NewRemote(reach cli.Reach) (cli.Server, error) {
	ctrl.SetLogger(logr.Discard()) // errors are returned; else it warns of the logger it lacks
	loading := clientcmd.NewDefaultClientConfigLoadingRules()
	loading.ExplicitPath = reach.Kubeconfig
	kubeconfig := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(loading, &clientcmd.ConfigOverrides{CurrentContext: reach.Context})
	config, err := kubeconfig.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("find a cluster: %w", err)
	}
	config.Timeout = 30 * time.Second
	namespace, _, err := kubeconfig.Namespace()
	if err != nil {
		return nil, fmt.Errorf("find a namespace: %w", err)
	}
	scheme, err := Scheme()
	if err != nil {
		return nil, err
	}
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("reach the cluster: %w", err)
	}
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("reach the cluster: %w", err)
	}
	silent := slog.New(slog.DiscardHandler)
	r := &Remote{kube: kube, namespace: cmp.Or(reach.Namespace, namespace)}
	r.access = &cluster.Access{Client: c, Live: c, Pods: cluster.NewPods(kube, nil), Now: now, Log: silent}
	means := reconcile.Means{Store: objects.New(r.access), Judge: catalog.Judge, Now: now, Log: silent}
	if _, err := openCluster(r.access, catalog.OnCluster(), &means); err != nil {
		return nil, err
	}
	r.loop = reconcile.New(means)
	return r, nil
}

// List returns the newest release of each Canary of the namespace.
func (r *Remote) List(ctx context.Context) ([]progress.Release, error) {
	var all objects.CanaryList
	if err := r.access.List(ctx, &all, client.InNamespace(r.namespace)); err != nil {
		return nil, fmt.Errorf("list Canaries of namespace %s: %w", r.namespace, err)
	}
	var list []progress.Release
	for i := range all.Items {
		if all.Items[i].Status.Release == "" {
			continue // nothing was released yet, or nothing could be
		}
		item, err := r.facts(ctx, all.Items[i].Status.Release)
		if err != nil {
			return nil, err
		}
		list = append(list, item)
	}
	return list, nil
}

// Release returns one release, by its own name or as the newest of a Canary.
func (r *Remote) Release(ctx context.Context, name string) (progress.Release, error) {
	var canary objects.Canary
	err := r.access.Get(ctx, types.NamespacedName{Namespace: r.namespace, Name: name}, &canary)
	switch {
	case err == nil && canary.Status.Release != "":
		name = canary.Status.Release
	case err == nil:
		return progress.Release{}, fmt.Errorf("the Canary %s/%s has no release yet%s: %w", r.namespace, name, because(&canary), cli.ErrNotFound)
	case !apierrors.IsNotFound(err):
		return progress.Release{}, fmt.Errorf("read Canary %s/%s: %w", r.namespace, name, err)
	}
	p, err := r.facts(ctx, name)
	if errors.Is(err, releases.ErrNotFound) {
		return p, fmt.Errorf("there is no Canary and no release %s in namespace %s: %w", name, r.namespace, cli.ErrNotFound)
	}
	return p, err
}

// because is what a Canary's status complains about.
func because(canary *objects.Canary) string {
	if canary.Status.Message == "" {
		return ""
	}
	return ": " + canary.Status.Message
}

// facts gathers what is known of a release. Within a namespace, names go without it.
func (r *Remote) facts(ctx context.Context, release string) (progress.Release, error) {
	f, err := r.loop.Facts(ctx, r.namespace+"/"+release)
	if err != nil {
		return progress.Release{}, err
	}
	f.Release, f.Canary = strings.TrimPrefix(f.Release, r.namespace+"/"), strings.TrimPrefix(f.Canary, r.namespace+"/")
	return progress.Of(f), nil
}

// watchEvery is how often a release that is watched is looked at.
const watchEvery = time.Second

// Watch hands over a release now and whenever it has changed.
func (r *Remote) Watch(ctx context.Context, name string, see func(progress.Release) error) error {
	var last *progress.Release
	return wait.PollUntilContextCancel(ctx, watchEvery, true, func(ctx context.Context) (bool, error) {
		p, err := r.Release(ctx, name)
		if err != nil {
			return false, err
		}
		if last != nil && progress.Same(*last, p) {
			return false, nil
		}
		last = &p
		return false, see(p)
	})
}

// heardIn is how long an act may take to be heard.
const heardIn = 15 * time.Second

// Act makes an Action, in the name the API server knows the user by, and waits until serin has answered it.
func (r *Remote) Act(ctx context.Context, name string, act progress.Act) error {
	p, err := r.Release(ctx, name)
	if err != nil {
		return err
	}
	me, err := r.whoAmI(ctx)
	if err != nil {
		return err
	}
	a := &objects.Action{Spec: v1alpha1.ActionSpec{
		Canary: p.Canary, Verb: v1alpha1.Verb(act.Verb), Actor: me.Username, Groups: ownGroups(me.Groups), Reason: act.Reason, Step: act.Step,
	}}
	a.Namespace, a.GenerateName = r.namespace, p.Canary+"-"
	if err := r.access.Create(ctx, a); err != nil {
		return fmt.Errorf("make an Action: %w", err)
	}
	return r.answered(ctx, a)
}

// answered waits until the controller has said what became of an Action.
func (r *Remote) answered(ctx context.Context, a *objects.Action) error {
	err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, heardIn, true, func(ctx context.Context) (bool, error) {
		if err := r.access.Get(ctx, client.ObjectKeyFromObject(a), a); err != nil {
			return false, err
		}
		return a.Status.State != "", nil
	})
	switch {
	case wait.Interrupted(err):
		return fmt.Errorf("the Action %s is made, and nobody has answered it within %s; is the controller running?", a.Name, heardIn)
	case err != nil:
		return fmt.Errorf("read Action %s: %w", a.Name, err)
	case a.Status.State == v1alpha1.Refused:
		return errors.New(a.Status.Message)
	}
	return nil
}

// whoAmI is how the API server knows the user.
func (r *Remote) whoAmI(ctx context.Context) (authenticationv1.UserInfo, error) {
	me, err := r.kube.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return authenticationv1.UserInfo{}, fmt.Errorf("ask the API server who acts: %w", err)
	}
	return me.Status.UserInfo, nil
}

// mostGroups is how many groups an Action may name.
const mostGroups = 64

// ownGroups are the groups that people are put into, without those that Kubernetes itself gives to everybody.
func ownGroups(all []string) []string {
	own := slices.DeleteFunc(slices.Clone(all), func(g string) bool { return strings.HasPrefix(g, "system:") || len(g) > 256 })
	return own[:min(len(own), mostGroups)]
}

// Eject deletes a Canary and waits until the controller has taken its hands off the target. What keeps it from doing so is
// told by an event, which is shown when the wait ends.
func (r *Remote) Eject(ctx context.Context, name string) error {
	canary := &objects.Canary{}
	canary.Namespace, canary.Name = r.namespace, name
	if err := r.access.Delete(ctx, canary); err != nil {
		return fmt.Errorf("delete Canary %s/%s: %w", r.namespace, name, err)
	}
	err := wait.PollUntilContextCancel(ctx, 200*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		err := r.access.Get(ctx, client.ObjectKeyFromObject(canary), canary)
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	})
	if wait.Interrupted(err) {
		return fmt.Errorf("the Canary %s/%s is still held%s", r.namespace, name, r.complaint(name))
	}
	return err
}

// complaint is the last reason that was told for hands that could not be taken off.
func (r *Remote) complaint(name string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	told, err := r.kube.EventsV1().Events(r.namespace).List(ctx, metav1.ListOptions{
		FieldSelector: fields.Set{"reason": "HandsNotOff", "regarding.name": name}.String(),
	})
	if err != nil || len(told.Items) == 0 {
		return "; is the controller running?"
	}
	return ": " + told.Items[len(told.Items)-1].Note
}
