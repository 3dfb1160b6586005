package wiring

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"serin.dev/serin/internal/catalog"
	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/controller"
	"serin.dev/serin/internal/controller/trace"
	"serin.dev/serin/internal/dialect"
	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/notify"
	"serin.dev/serin/internal/reconcile"
	"serin.dev/serin/internal/releases/objects"
	"serin.dev/serin/internal/router"
	"serin.dev/serin/internal/workload"
)

// ClusterOptions are what the controller is told.
type ClusterOptions struct {
	Config     *rest.Config
	Namespaces []string // to watch; none: all
	Without    []string // modules that are switched off: "router/istio"
	Lead       bool     // elect a leader; off, this process works at once and must be alone
	LeadIn     string   // namespace of the lease
	Metrics    string   // address; "0": none
	Health     string   // address; "0": none
	Workers    int      // Canaries handled at the same time
	Log        *slog.Logger
	Version    string
}

// checkpoint is how often evidence is written on a cluster when nothing else is: writes are dear there.
const checkpoint = 150 * time.Second

// Scheme knows the objects that serin reads and writes.
func Scheme() (*runtime.Scheme, error) {
	s := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(s); err != nil {
		return nil, err
	}
	return s, objects.AddToScheme(s)
}

// NewController builds the controller. Nothing runs before the manager is started.
func NewController(o ClusterOptions) (manager.Manager, error) {
	ctrl.SetLogger(logr.FromSlogHandler(o.Log.Handler()))
	scheme, err := Scheme()
	if err != nil {
		return nil, err
	}
	refusals := &cluster.Refusals{}
	m, err := ctrl.NewManager(o.Config, options(o, scheme, refusals))
	if err != nil {
		return nil, fmt.Errorf("set up the manager: %w", err)
	}
	caches := &ready{manager: m}
	if err := errors.Join(m.Add(caches), m.AddHealthzCheck("ping", healthz.Ping), m.AddReadyzCheck("caches", caches.Check)); err != nil {
		return nil, fmt.Errorf("set up health checks: %w", err)
	}
	return m, assemble(m, o, refusals)
}

func options(o ClusterOptions, scheme *runtime.Scheme, refusals *cluster.Refusals) ctrl.Options {
	kept := objects.Cached()
	kept[&appsv1.Deployment{}] = cache.ByObject{Transform: cluster.Lean} // the workload sends parts of it alone
	watched := map[string]cache.Config{}
	for _, ns := range o.Namespaces {
		watched[ns] = cache.Config{}
	}
	return ctrl.Options{
		Scheme: scheme, Logger: logr.FromSlogHandler(o.Log.Handler()),
		LeaderElection: o.Lead, LeaderElectionID: "serin-controller", LeaderElectionNamespace: o.LeadIn, LeaderElectionReleaseOnCancel: true,
		Metrics: metricsserver.Options{BindAddress: o.Metrics}, HealthProbeBindAddress: o.Health,
		Cache: cache.Options{
			DefaultNamespaces: watched, DefaultTransform: cache.TransformStripManagedFields(), ByObject: kept,
			DefaultWatchErrorHandler: func(ctx context.Context, r *toolscache.Reflector, err error) {
				refusals.Note(err)
				toolscache.DefaultWatchErrorHandler(ctx, r, err)
			},
		},
		Client: client.Options{Cache: &client.CacheOptions{
			Unstructured: true, DisableFor: []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}, &corev1.Pod{}},
		}},
	}
}

// assemble opens the back ends of the catalog and puts the controllers into the manager.
func assemble(m manager.Manager, o ClusterOptions, refusals *cluster.Refusals) error {
	kube, err := kubernetes.NewForConfig(o.Config)
	if err != nil {
		return fmt.Errorf("reach the API server: %w", err)
	}
	wake := make(chan event.GenericEvent, 1024)
	var canaries *controller.Canaries
	access := &cluster.Access{Client: m.GetClient(), Live: m.GetAPIReader(), Now: now, Log: o.Log}
	access.Pods = cluster.NewPods(kube, func(target string) { canaries.PodChanged(wake, target) })
	store := objects.New(access)
	if err := store.Index(context.Background(), m.GetFieldIndexer()); err != nil {
		return err
	}
	means := reconcile.Means{
		Store: store, Judge: catalog.Judge, Now: now, Log: o.Log, Checkpoint: checkpoint,
	}
	known, err := catalog.OnCluster().Without(o.Without)
	if err != nil {
		return err
	}
	watches, err := openCluster(access, known, &means)
	if err != nil {
		return err
	}
	teller, err := trace.New(context.Background(), os.Getenv, o.Version)
	if err != nil {
		return err
	}
	if err := m.Add(farewell{teller}); err != nil {
		return err
	}
	loop := reconcile.New(means)
	canaries = controller.New(controller.Means{
		Access: access, Loop: loop, Store: store, Known: known, Workloads: means.Workloads, Routers: means.Routers,
		Events: m.GetEventRecorder("serin"), Metrics: ctrlmetrics.Registry, Traces: teller, Refusals: refusals, Log: o.Log,
	})
	loop.Happened = canaries.Happened
	return canaries.Setup(m, o.Workers, watches, wake)
}

// now is the wall's clock without a monotonic reading, because positions outlive the process.
func now() time.Time { return time.Now().UTC().Round(0) }

// openCluster makes every back end of the catalog that is known on the cluster, and lists what they watch.
func openCluster(a *cluster.Access, known dialect.Known, m *reconcile.Means) (watches []cluster.Watch, err error) {
	m.Routers, m.Workloads = map[string]router.Router{}, map[string]workload.Workload{}
	m.Metrics, m.Notifiers = map[string]metric.Store{}, map[string]notify.Notifier{}
	if m.Keeper, err = catalog.Keeper.New(); err != nil {
		return nil, fmt.Errorf("open keeper %s: %w", catalog.Keeper.Name, err)
	}
	for _, d := range catalog.Routers {
		if _, ok := known.Routers[d.Name]; !ok {
			continue
		}
		if m.Routers[d.Name], err = d.New(router.Env{Log: a.Log, Cluster: a}); err != nil {
			return nil, fmt.Errorf("open router %s: %w", d.Name, err)
		}
		watches = append(watches, d.Watches...)
	}
	for _, d := range catalog.Workloads {
		if _, ok := known.Workloads[d.Kind]; !ok {
			continue
		}
		if m.Workloads[d.Kind], err = d.New(workload.Env{Log: a.Log, Cluster: a}); err != nil {
			return nil, fmt.Errorf("open workload %s: %w", d.Kind, err)
		}
		watches = append(watches, d.Watches...)
	}
	for _, d := range catalog.Metrics {
		if _, ok := known.Metrics[d.Name]; !ok {
			continue
		}
		if m.Metrics[d.Name], err = d.New(metric.Env{Log: a.Log, Cluster: a, Secret: secret(a)}); err != nil {
			return nil, fmt.Errorf("open metric store %s: %w", d.Name, err)
		}
	}
	for _, d := range catalog.Notifiers {
		if m.Notifiers[d.Name], err = d.New(notify.Env{Log: a.Log}); err != nil {
			return nil, fmt.Errorf("open notifier %s: %w", d.Name, err)
		}
	}
	return watches, nil
}

// secret reads one key of a Secret past the caches: no Secret is listed, watched or kept.
func secret(a *cluster.Access) func(ctx context.Context, namespace, name, key string) (string, error) {
	return func(ctx context.Context, namespace, name, key string) (string, error) {
		var s corev1.Secret
		if err := a.Live.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &s); err != nil {
			return "", fmt.Errorf("read Secret %s/%s: %w", namespace, name, err)
		}
		value, ok := s.Data[key]
		if !ok {
			return "", fmt.Errorf("read Secret %s/%s: it has no key %s", namespace, name, key)
		}
		return string(value), nil
	}
}
