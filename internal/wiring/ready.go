package wiring

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/manager"

	"serin.dev/serin/internal/controller/trace"
)

// ready tells when the caches have been filled once: until then a process would decide on half of the world. Who does not
// lead fills them as well, so that it can take over at once.
type ready struct {
	manager manager.Manager
	filled  atomic.Bool
}

// NeedLeaderElection: no.
func (*ready) NeedLeaderElection() bool { return false }

// Start waits for the caches.
func (r *ready) Start(ctx context.Context) error {
	r.filled.Store(r.manager.GetCache().WaitForCacheSync(ctx))
	<-ctx.Done()
	return nil
}

// Check is the readiness check.
func (r *ready) Check(*http.Request) error {
	if !r.filled.Load() {
		return errors.New("the caches are not filled yet")
	}
	return nil
}

// farewell sends the last spans when the program ends.
type farewell struct{ teller *trace.Teller }

// NeedLeaderElection: no.
func (farewell) NeedLeaderElection() bool { return false }

// Start waits for the end.
func (f farewell) Start(ctx context.Context) error {
	<-ctx.Done()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return f.teller.Close(ctx)
}
