package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// unused is how long the pods of a selector are kept in memory after somebody last asked for them.
const unused = 2 * time.Minute

// Pods keeps the pods that are asked for up to date in memory: one watch per namespace and selector, begun with the first
// question and ended when its targets are forgotten, or nobody has asked for a while. What pods carry along that nobody
// here reads is dropped.
type Pods struct {
	kube    kubernetes.Interface
	changed func(target string)

	mu      sync.Mutex
	watched map[string]*watched
	sweep   *time.Timer // runs while anything is watched
	closed  bool
}

// A watched selector.
type watched struct {
	informer cache.SharedIndexInformer
	stop     chan struct{}
	asked    time.Time
	targets  map[string]bool // that asked
}

// NewPods returns an empty memory. changed is called with each target that asked for a pod which has changed; it must not
// block. It may be nil.
func NewPods(kube kubernetes.Interface, changed func(target string)) *Pods {
	return &Pods{kube: kube, watched: map[string]*watched{}, changed: changed}
}

type targetKey struct{}

// For notes in a context on behalf of which target it asks, so that the target hears of changes.
func For(ctx context.Context, target string) context.Context {
	return context.WithValue(ctx, targetKey{}, target)
}

// List returns the pods that a selector selects, by name. The first question for a selector waits until the API server has
// answered it, within the context's deadline. The pods are shared: change nothing in them.
func (p *Pods) List(ctx context.Context, namespace string, selector labels.Selector) ([]*corev1.Pod, error) {
	target, _ := ctx.Value(targetKey{}).(string)
	w := p.watch(namespace, selector, target)
	select {
	case <-w.informer.HasSyncedChecker().Done():
	case <-ctx.Done():
		return nil, fmt.Errorf("list pods %s in namespace %s: %w", selector, namespace, context.Cause(ctx))
	}
	var pods []*corev1.Pod
	for _, o := range w.informer.GetStore().List() {
		if pod, ok := o.(*corev1.Pod); ok {
			pods = append(pods, pod)
		}
	}
	slices.SortFunc(pods, func(a, b *corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	return pods, nil
}

// Expect begins the watch of a selector for which List will be called soon, so that the API server is asked for several at a time.
func (p *Pods) Expect(ctx context.Context, namespace string, selector labels.Selector) {
	target, _ := ctx.Value(targetKey{}).(string)
	p.watch(namespace, selector, target)
}

// watch finds or begins the watch of a selector.
func (p *Pods) watch(namespace string, selector labels.Selector, target string) *watched {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := namespace + "?" + selector.String()
	w, ok := p.watched[key]
	if !ok {
		w = p.begin(namespace, selector)
		p.watched[key] = w
	}
	w.asked = time.Now()
	if target != "" {
		w.targets[target] = true
	}
	if p.sweep == nil && !p.closed {
		p.sweep = time.AfterFunc(unused, p.endUnused)
	}
	return w
}

func (p *Pods) begin(namespace string, selector labels.Selector) *watched {
	narrow := func(o *metav1.ListOptions) {
		o.LabelSelector = selector.String()
		o.FieldSelector = fields.OneTermNotEqualSelector("status.phase", string(corev1.PodSucceeded)).String()
	}
	f := informers.NewSharedInformerFactoryWithOptions(p.kube, 0, informers.WithNamespace(namespace),
		informers.WithTweakListOptions(narrow), informers.WithTransform(trim))
	w := &watched{informer: f.Core().V1().Pods().Informer(), stop: make(chan struct{}), targets: map[string]bool{}}
	tell := func(any) { p.tell(w) }
	_, _ = w.informer.AddEventHandler(cache.ResourceEventHandlerDetailedFuncs{ // fails only after the informer was stopped
		AddFunc: func(o any, first bool) {
			if !first { // whoever asked gets those of the first list as an answer
				tell(o)
			}
		},
		DeleteFunc: tell, UpdateFunc: func(_, o any) { tell(o) },
	})
	go w.informer.Run(w.stop)
	return w
}

func (p *Pods) tell(w *watched) {
	if p.changed == nil {
		return
	}
	p.mu.Lock()
	targets := make([]string, 0, len(w.targets))
	for t := range w.targets {
		targets = append(targets, t)
	}
	p.mu.Unlock()
	for _, t := range targets {
		p.changed(t)
	}
}

// Forget ends what is watched for a target alone: nothing is being released there any more.
func (p *Pods) Forget(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, w := range p.watched {
		if w.targets[target] {
			delete(w.targets, target)
			p.endIf(key, w, len(w.targets) == 0)
		}
	}
}

// endUnused ends what nobody has asked for lately, and comes again while anything is left.
func (p *Pods) endUnused() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, w := range p.watched {
		p.endIf(key, w, time.Since(w.asked) > unused)
	}
	if p.sweep = nil; len(p.watched) > 0 && !p.closed {
		p.sweep = time.AfterFunc(unused, p.endUnused)
	}
}

func (p *Pods) endIf(key string, w *watched, over bool) {
	if over {
		close(w.stop)
		delete(p.watched, key)
	}
}

// Close ends all watches.
func (p *Pods) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for key, w := range p.watched {
		p.endIf(key, w, true)
	}
	if p.sweep != nil {
		p.sweep.Stop()
	}
}

// trim drops what nobody reads.
func trim(o any) (any, error) {
	if pod, ok := o.(*corev1.Pod); ok {
		pod.ManagedFields = nil
		pod.Spec.Volumes, pod.Spec.Tolerations, pod.Spec.Affinity = nil, nil, nil
		for i := range pod.Spec.Containers {
			c := &pod.Spec.Containers[i]
			*c = corev1.Container{Name: c.Name, Image: c.Image, Ports: c.Ports}
		}
		pod.Spec.InitContainers = nil
	}
	return o, nil
}
