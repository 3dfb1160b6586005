package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	toolscache "k8s.io/client-go/tools/cache"
)

// A plane stands in for nodes and gateways: it makes pods ready and takes up routes as soon as they are there.
type plane struct {
	client client.Client
	queue  workqueue.TypedInterface[todo]

	mu    sync.Mutex
	made  map[types.UID]bool // pods that were made ready
	pods  atomic.Int64
	began time.Time
}

// A todo is something whose status is to be written.
type todo struct {
	pod    bool
	name   types.NamespacedName
	uid    types.UID
	status string
}

var httpRoute = schema.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "HTTPRoute"}

func newPlane(c client.Client) *plane {
	return &plane{client: c, queue: workqueue.NewTyped[todo](), made: map[types.UID]bool{}, began: time.Now()}
}

// start watches until the context ends. routes: the cluster knows HTTPRoutes.
func (p *plane) start(ctx context.Context, objects cache.Cache, routes bool) error {
	pods, err := objects.GetInformer(ctx, &corev1.Pod{})
	if err != nil {
		return fmt.Errorf("watch pods: %w", err)
	}
	if _, err := pods.AddEventHandler(toolscache.ResourceEventHandlerFuncs{AddFunc: p.pod, UpdateFunc: func(_, o any) { p.pod(o) }}); err != nil {
		return err
	}
	if routes {
		route := &unstructured.Unstructured{}
		route.SetGroupVersionKind(httpRoute)
		informer, err := objects.GetInformer(ctx, route)
		if err != nil {
			return fmt.Errorf("watch HTTPRoutes: %w", err)
		}
		if _, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{AddFunc: p.route, UpdateFunc: func(_, o any) { p.route(o) }}); err != nil {
			return err
		}
	}
	for range hands {
		go p.work(ctx)
	}
	context.AfterFunc(ctx, p.queue.ShutDown)
	return p.answer(ctx)
}

// standIn is the node that all pods name: pods without one are in no EndpointSlice.
const standIn = "stand-in"

// addresses are those of pods. They are the machine's own in this network, so that one server answers for all; EndpointSlices
// must not hold those of the loopback.
const addresses = "100.64.0.0/10"

// pod makes a pod ready that is not.
func (p *plane) pod(o any) {
	pod, ok := o.(*corev1.Pod)
	if !ok || pod.DeletionTimestamp != nil || pod.Status.PodIP != "" {
		return
	}
	p.mu.Lock()
	known := p.made[pod.UID]
	p.made[pod.UID] = true
	n := len(p.made)
	p.mu.Unlock()
	if known {
		return
	}
	now := metav1.Now()
	ip := fmt.Sprintf("100.%d.%d.%d", 64+n>>16, n>>8&255, n&255)
	status := corev1.PodStatus{Phase: corev1.PodRunning, PodIP: ip, PodIPs: []corev1.PodIP{{IP: ip}}, StartTime: &now}
	for _, kind := range []corev1.PodConditionType{corev1.PodScheduled, corev1.PodInitialized, corev1.ContainersReady, corev1.PodReady} {
		status.Conditions = append(status.Conditions, corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: now})
	}
	for _, c := range pod.Spec.Containers {
		started := true
		status.ContainerStatuses = append(status.ContainerStatuses, corev1.ContainerStatus{
			Name: c.Name, Image: c.Image, Ready: true, Started: &started, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}},
		})
	}
	p.add(true, pod, status)
}

// route says that its gateway has taken up a route as it is now.
func (p *plane) route(o any) {
	route, ok := o.(*unstructured.Unstructured)
	if !ok || taken(route) {
		return
	}
	parents, _, _ := unstructured.NestedSlice(route.Object, "spec", "parentRefs")
	var reports []any
	for _, parent := range parents {
		var conditions []metav1.Condition
		for _, kind := range []string{"Accepted", "ResolvedRefs"} {
			conditions = append(conditions, metav1.Condition{
				Type: kind, Status: metav1.ConditionTrue, Reason: kind, ObservedGeneration: route.GetGeneration(), LastTransitionTime: metav1.Now(),
			})
		}
		reports = append(reports, map[string]any{"parentRef": parent, "controllerName": "example.com/scale", "conditions": conditions})
	}
	p.add(false, route, map[string]any{"parents": reports})
}

// taken reports whether the status speaks of the route as it is now.
func taken(route *unstructured.Unstructured) bool {
	reports, _, _ := unstructured.NestedSlice(route.Object, "status", "parents")
	for _, r := range reports {
		report, _ := r.(map[string]any)
		conditions, _, _ := unstructured.NestedSlice(report, "conditions")
		for _, c := range conditions {
			if c, _ := c.(map[string]any); c["observedGeneration"] == route.GetGeneration() {
				return true
			}
		}
	}
	return false
}

func (p *plane) add(pod bool, o client.Object, status any) {
	text, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		log.Printf("encode the status of %s: %v", o.GetName(), err)
		return
	}
	p.queue.Add(todo{pod, client.ObjectKeyFromObject(o), o.GetUID(), string(text)})
}

func (p *plane) work(ctx context.Context) {
	for {
		t, ended := p.queue.Get()
		if ended {
			return
		}
		if err := p.write(ctx, t); client.IgnoreNotFound(err) != nil && ctx.Err() == nil {
			log.Printf("write the status of %s: %v", t.name, err)
			p.queue.Add(t)
		}
		p.queue.Done(t)
	}
}

func (p *plane) write(ctx context.Context, t todo) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var o client.Object = &corev1.Pod{}
	if !t.pod {
		route := &unstructured.Unstructured{}
		route.SetGroupVersionKind(httpRoute)
		o = route
	}
	o.SetNamespace(t.name.Namespace)
	o.SetName(t.name.Name)
	err := p.client.Status().Patch(ctx, o, client.RawPatch(types.MergePatchType, []byte(t.status)))
	if err == nil && t.pod {
		p.pods.Add(1)
	}
	return err
}

// perSecond is how many requests each pod pretends to get.
const perSecond = 10

// answer serves the metrics of all pods, whose requests grow with the time and never fail.
func (p *plane) answer(ctx context.Context) error {
	if out, err := exec.CommandContext(ctx, "ip", "route", "replace", "local", addresses, "dev", "lo").CombinedOutput(); err != nil {
		return fmt.Errorf("route %s to this machine: %w: %s", addresses, err, out)
	}
	listener, err := net.Listen("tcp4", "0.0.0.0:9898")
	if err != nil {
		return fmt.Errorf("serve the pods' metrics: %w", err)
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		n := perSecond * time.Since(p.began).Seconds()
		fmt.Fprintln(w, "# TYPE http_request_duration_seconds histogram")
		for _, b := range []struct {
			le   string
			part float64
		}{{"0.005", .3}, {"0.01", .6}, {"0.025", .8}, {"0.05", .9}, {"0.1", .97}, {"0.25", .99}, {"0.5", 1}, {"1", 1}, {"+Inf", 1}} {
			fmt.Fprintf(w, "http_request_duration_seconds_bucket{method=\"GET\",path=\"root\",status=\"200\",le=%q} %d\n", b.le, int(n*b.part))
		}
		fmt.Fprintf(w, "http_request_duration_seconds_sum{method=\"GET\",path=\"root\",status=\"200\"} %f\n", n*.02)
		fmt.Fprintf(w, "http_request_duration_seconds_count{method=\"GET\",path=\"root\",status=\"200\"} %d\n", int(n))
	})}
	context.AfterFunc(ctx, func() { server.Close() })
	go func() {
		if err := server.Serve(listener); err != http.ErrServerClosed {
			log.Printf("serve the pods' metrics: %v", err)
		}
	}()
	return nil
}
