package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"serin.dev/serin/internal/progress"
)

// DefaultSocket is where `serin run` listens, under its working directory, unless told otherwise.
const DefaultSocket = ".serin/serin.sock"

// A Client talks to a running serin. It is safe for use by several goroutines.
type Client struct {
	path string
	http *http.Client
}

// NewClient returns a client of the serin that listens at a socket. Nothing is opened before the first call.
func NewClient(socket string) *Client {
	var d net.Dialer
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return d.DialContext(ctx, "unix", socket) }
	return &Client{path: socket, http: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// List returns the latest release of each target.
func (c *Client) List(ctx context.Context) ([]progress.Release, error) {
	var list progress.List
	err := c.get(ctx, "/v1/releases", &list)
	return list.Items, err
}

// Release returns one release, by its own name or as the latest of a Canary. ErrNotFound when there is none.
func (c *Client) Release(ctx context.Context, name string) (progress.Release, error) {
	var r progress.Release
	err := c.get(ctx, "/v1/releases/"+url.PathEscape(name), &r)
	return r, err
}

// Watch hands over a release now and whenever it changes, until see returns an error (which Watch returns), the context
// ends or serin goes away (ErrGone).
func (c *Client) Watch(ctx context.Context, name string, see func(progress.Release) error) error {
	body, err := c.do(ctx, http.MethodGet, "/v1/releases/"+url.PathEscape(name)+"/watch", nil)
	if err != nil {
		return err
	}
	defer body.Close()
	stream := json.NewDecoder(body)
	for {
		var r progress.Release
		if err := stream.Decode(&r); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("watch %s at %s: %w", name, c.path, ErrGone)
		}
		if err := see(r); err != nil {
			return err
		}
	}
}

// Act does something to a release, or tells why it makes no sense now.
func (c *Client) Act(ctx context.Context, name string, act progress.Act) error {
	data, err := json.Marshal(act)
	if err != nil {
		return fmt.Errorf("encode %s: %w", act.Verb, err)
	}
	body, err := c.do(ctx, http.MethodPost, "/v1/releases/"+url.PathEscape(name)+"/acts", data)
	if err != nil {
		return err
	}
	return body.Close()
}

// Version returns the version of the running serin.
func (c *Client) Version(ctx context.Context) (string, error) {
	var v struct{ Version string }
	err := c.get(ctx, "/v1/version", &v)
	return v.Version, err
}

func (c *Client) get(ctx context.Context, path string, into any) error {
	body, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := json.NewDecoder(body).Decode(into); err != nil {
		return fmt.Errorf("read answer of %s to %s: %w", c.path, path, err)
	}
	return nil
}

// do sends one request and returns the body of a good answer.
func (c *Client) do(ctx context.Context, method, path string, data []byte) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://serin"+path, bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("ask %s for %s: %w", c.path, path, err)
	}
	if data != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if resp.StatusCode/100 == 2 {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	return nil, refusal(resp)
}

// Errors that callers tell apart.
var (
	ErrNotFound = errors.New("not found")
	ErrNoServer = errors.New("no serin is running")
	ErrGone     = errors.New("serin has stopped")
)

// A refused is an answer of serin that something cannot be done, in its own words.
type refused struct {
	text string
	kind error
}

func (r refused) Error() string { return r.text }
func (r refused) Unwrap() error { return r.kind }

// refusal reads why serin refused.
func refusal(resp *http.Response) error {
	var answer struct{ Error string }
	text := resp.Status
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<16)).Decode(&answer); err == nil && answer.Error != "" {
		text = answer.Error
	}
	if resp.StatusCode == http.StatusNotFound {
		return refused{text, ErrNotFound}
	}
	return refused{text, nil}
}

// unreachable says what was tried and what to do about it.
func (c *Client) unreachable(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTSOCK):
		return refused{fmt.Sprintf("no serin is running here: nobody listens at %s; start one with `serin run -f FILE`, or name its socket with --socket or SERIN_SOCKET", c.path), ErrNoServer}
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("open %s: permission denied: act as the user who started serin, or ask them for access to the socket", c.path)
	case errors.Is(err, syscall.EINVAL) || strings.Contains(err.Error(), "invalid argument"):
		return fmt.Errorf("open %s: the path of a socket may have at most 107 bytes, this one has %d: use a shorter one with --socket", c.path, len(c.path))
	}
	return fmt.Errorf("ask serin at %s: %w", c.path, errors.Join(ErrGone, err))
}
