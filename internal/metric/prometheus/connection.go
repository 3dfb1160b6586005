package prometheus

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"serin.dev/serin/internal/metric/client"
)

const (
	answerLimit = 16 << 20 // bytes of one answer
	secretsKept = time.Minute
	unusedKept  = 10 * time.Minute
)

// Connections are the clients of all the Prometheuses that are in use, by namespace and settings: connections are kept, and a
// secret that was changed is known within a minute, or as soon as the old one is refused.
type connections struct {
	read func(ctx context.Context, namespace, name, key string) (string, error)
	now  func() time.Time

	mu  sync.Mutex
	all map[string]*connection
}

type connection struct {
	api        v1.API
	client     *http.Client
	made, used time.Time
}

// to finds or makes the client that a question needs.
func (c *connections) to(ctx context.Context, namespace, key string, r *rulebook) (v1.API, error) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for other, one := range c.all {
		if now.Sub(one.used) > unusedKept {
			c.drop(other)
		}
	}
	if one := c.all[key]; one != nil && now.Sub(one.made) < secretsKept {
		one.used = now
		return one.api, nil
	}
	made, err := c.dial(ctx, namespace, r)
	if err != nil {
		return nil, err
	}
	c.drop(key)
	made.made, made.used = now, now
	c.all[key] = made
	return made.api, nil
}

// refused forgets a client whose credentials are no longer good.
func (c *connections) refused(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(key)
}

func (c *connections) drop(key string) {
	if one := c.all[key]; one != nil {
		one.client.CloseIdleConnections()
		delete(c.all, key)
	}
}

func (c *connections) dial(ctx context.Context, namespace string, r *rulebook) (*connection, error) {
	asks, err := client.New(ctx, client.Options{
		Name: "prometheus", Auth: r.Auth, Headers: r.Headers, Most: answerLimit, Idle: secretsKept,
	}, client.Secrets{Namespace: namespace, Read: c.read})
	if err != nil {
		return nil, err
	}
	a, err := api.NewClient(api.Config{Address: r.Address, Client: asks})
	if err != nil {
		return nil, fmt.Errorf("address: %w", err)
	}
	return &connection{api: v1.NewAPI(a), client: asks}, nil
}
