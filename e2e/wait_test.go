package e2e

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// glance is the time between two looks at something that is awaited.
const glance = 400 * time.Millisecond

// until looks again and again until done says so or the context ends. An error is a look that did not succeed, as happens while
// an API server is away; the last one is told.
func until(ctx context.Context, done func(context.Context) (bool, error)) error {
	var last error
	err := wait.PollUntilContextCancel(ctx, glance, true, func(ctx context.Context) (ok bool, _ error) {
		ok, err := done(ctx)
		if err != nil && ctx.Err() == nil {
			last = err
		} else if err == nil {
			last = nil
		}
		return ok && err == nil, nil
	})
	if err != nil && last != nil {
		return last
	}
	return err
}
