package execution

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"serin.dev/serin/internal/kayenta/storage"
)

// The kinds under which executions are recorded. The order is written once; progress is small and written at each stage;
// the result stands beside it, because it is not.
const (
	recordedOrders   storage.Kind = "execution_orders"
	recordedProgress storage.Kind = "execution_progress"
	recordedResults  storage.Kind = "execution_results"
)

// A journal is the record of all executions.
type journal struct{ store storage.Store }

func (j journal) begin(ctx context.Context, o Order) error {
	data, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("record execution %s: %w", o.ID, err)
	}
	return j.store.Create(ctx, recordedOrders, o.ID, recordedOrders.File(o.ID), data)
}

func (j journal) order(ctx context.Context, id string) (o Order, err error) {
	return o, j.read(ctx, recordedOrders, id, &o)
}

func (j journal) write(ctx context.Context, k storage.Kind, id string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("record %s of %s: %w", k, id, err)
	}
	return j.store.Put(ctx, k, id, k.File(id), data)
}

func (j journal) read(ctx context.Context, k storage.Kind, id string, into any) error {
	data, err := j.store.Get(ctx, k, id)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("read %s of %s: %w", k, id, err)
	}
	return nil
}

// forget removes an execution, its order last: without an order there is no execution.
func (j journal) forget(ctx context.Context, id string) error {
	for _, k := range []storage.Kind{recordedResults, recordedProgress, recordedOrders} {
		if err := j.store.Delete(ctx, k, id); err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
	}
	return nil
}
