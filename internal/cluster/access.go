package cluster

import (
	"context"
	"log/slog"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Access is how back ends reach the API server. It is safe for use by several goroutines.
type Access struct {
	// Client reads from caches and writes directly. A kind is cached from the first time it is read, whole, in all watched
	// namespaces: read pods through Pods and Secrets through Live instead.
	client.Client
	// Live reads past the caches: for what is rarely read, or must not be kept.
	Live client.Reader
	// Pods knows the pods of targets that somebody looks at.
	Pods *Pods
	// Now is the clock of the program.
	Now func() time.Time
	Log *slog.Logger
}

// A Watch is a kind of objects whose changes concern targets. The controller watches it while the cluster knows the kind.
type Watch struct {
	Object  client.Object                                                  // an empty one of the kind; metav1.PartialObjectMetadata for metadata alone
	Targets func(ctx context.Context, a *Access, o client.Object) []string // keys of the targets it concerns; nil: those its TargetLabel names
}

// Rules are what a back end needs to be allowed. The chart's roles are made of them, for the modules that are enabled.
type Rules []rbacv1.PolicyRule
