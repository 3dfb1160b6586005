package e2e

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// glance is the time between two looks at something that is awaited.
const glance = 200 * time.Millisecond

// until looks again and again until done says so, it returns an error, or the context ends.
func until(ctx context.Context, done func(context.Context) (bool, error)) error {
	return wait.PollUntilContextCancel(ctx, glance, true, done)
}
