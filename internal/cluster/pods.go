package cluster

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
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
	pods    *shelf
	stop    context.CancelFunc
	asked   time.Time
	targets map[string]bool // that asked
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
	case <-w.pods.filled:
	case <-ctx.Done():
		return nil, fmt.Errorf("list pods %s in namespace %s: %w", selector, namespace, context.Cause(ctx))
	}
	return w.pods.list(), nil
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
	ctx, stop := context.WithCancel(context.Background())
	w := &watched{stop: stop, targets: map[string]bool{}}
	w.pods = newShelf(func() { p.tell(w) })
	narrow := func(o metav1.ListOptions) metav1.ListOptions {
		o.LabelSelector = selector.String()
		o.FieldSelector = fields.OneTermNotEqualSelector("status.phase", string(corev1.PodSucceeded)).String()
		return o
	}
	pods := p.kube.CoreV1().Pods(namespace)
	source := cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return pods.List(ctx, narrow(o))
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return pods.Watch(ctx, narrow(o))
		},
	}, p.kube)
	go cache.NewReflector(source, &corev1.Pod{}, w.pods, 0).RunWithContext(ctx)
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
		w.stop()
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
