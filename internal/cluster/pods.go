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
// question and ended when nobody has asked for a while. What pods carry along that nobody here reads is dropped.
type Pods struct {
	kube kubernetes.Interface

	mu      sync.Mutex
	watched map[string]*watched
	changed func(namespace string, pod *corev1.Pod)
}

// A watched selector.
type watched struct {
	informer cache.SharedIndexInformer
	stop     chan struct{}
	asked    time.Time
}

// NewPods returns an empty memory. changed is called whenever a pod in it changes; it must not block.
func NewPods(kube kubernetes.Interface, changed func(namespace string, pod *corev1.Pod)) *Pods {
	return &Pods{kube: kube, watched: map[string]*watched{}, changed: changed}
}

// List returns the pods that a selector selects, by name. The first question for a selector waits until the API server has
// answered it, within the context's deadline. The pods are shared: change nothing in them.
func (p *Pods) List(ctx context.Context, namespace string, selector labels.Selector) ([]*corev1.Pod, error) {
	w := p.watch(namespace, selector)
	if !cache.WaitForCacheSync(ctx.Done(), w.informer.HasSynced) {
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

// watch finds or begins the watch of a selector, and ends those that nobody asks for any more.
func (p *Pods) watch(namespace string, selector labels.Selector) *watched {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	key := namespace + "?" + selector.String()
	w, ok := p.watched[key]
	if !ok {
		w = p.begin(namespace, selector)
		p.watched[key] = w
	}
	w.asked = now
	for other, o := range p.watched {
		if now.Sub(o.asked) > unused {
			close(o.stop)
			delete(p.watched, other)
		}
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
	w := &watched{informer: f.Core().V1().Pods().Informer(), stop: make(chan struct{})}
	tell := func(o any) {
		if last, gone := o.(cache.DeletedFinalStateUnknown); gone {
			o = last.Obj
		}
		if pod, ok := o.(*corev1.Pod); ok && p.changed != nil {
			p.changed(namespace, pod)
		}
	}
	_, _ = w.informer.AddEventHandler(cache.ResourceEventHandlerFuncs{ // fails only after the informer was stopped
		AddFunc: tell, DeleteFunc: tell, UpdateFunc: func(_, o any) { tell(o) },
	})
	go w.informer.Run(w.stop)
	return w
}

// Close ends all watches.
func (p *Pods) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, w := range p.watched {
		close(w.stop)
		delete(p.watched, key)
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
