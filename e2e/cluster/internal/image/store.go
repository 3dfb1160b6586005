package image

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// A Store is the cluster's registry, seen from outside the cluster's network.
type Store struct {
	Address string
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
}

// Push brings an image into the store and tells its digest.
func (s Store) Push(ctx context.Context, n Name, img v1.Image) (string, error) {
	to, err := n.at(s.Address)
	if err != nil {
		return "", err
	}
	if err := remote.Write(to, img, s.options(ctx)...); err != nil {
		return "", fmt.Errorf("push %s: %w", n, err)
	}
	digest, err := img.Digest()
	return digest.String(), err
}

// PushIndex brings in all images of a list, under one name.
func (s Store) PushIndex(ctx context.Context, n Name, list v1.ImageIndex) (string, error) {
	to, err := n.at(s.Address)
	if err != nil {
		return "", err
	}
	if err := remote.WriteIndex(to, list, s.options(ctx)...); err != nil {
		return "", fmt.Errorf("push %s: %w", n, err)
	}
	digest, err := list.Digest()
	return digest.String(), err
}

// Holds tells whether the store has an image of that name.
func (s Store) Holds(ctx context.Context, n Name) (bool, error) {
	at, err := n.at(s.Address)
	if err != nil {
		return false, err
	}
	_, err = remote.Head(at, s.options(ctx)...)
	var answer *transport.Error
	if errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound {
		return false, nil
	}
	return err == nil, err
}

func (s Store) options(ctx context.Context) []remote.Option {
	return []remote.Option{remote.WithContext(ctx), remote.WithTransport(&http.Transport{DialContext: s.Dial})}
}
