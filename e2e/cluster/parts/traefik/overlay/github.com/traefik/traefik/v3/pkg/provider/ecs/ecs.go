// Package ecs refuses to start: the original brings AWS's clients, which take as long to compile as the rest of Traefik.
package ecs

import (
	"errors"

	"github.com/traefik/traefik/v3/pkg/config/dynamic"
	"github.com/traefik/traefik/v3/pkg/safe"
)

// A Provider is what Traefik's configuration asks for by --providers.ecs.
type Provider struct{}

// SetDefaults has nothing to set.
func (p *Provider) SetDefaults() {}

// Init refuses.
func (p *Provider) Init() error { return errors.New("the provider ECS is left out of this build") }

// Provide is not called after Init has refused.
func (p *Provider) Provide(chan<- dynamic.Message, *safe.Pool) error { return p.Init() }
