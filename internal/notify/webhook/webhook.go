package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"serin.dev/serin/internal/notify"
)

// Driver describes this notifier to the catalog.
var Driver = notify.Driver{
	Name:  "webhook",
	Check: Check,
	New:   func(notify.Env) (notify.Notifier, error) { return New(), nil },
}

const answerLimit = 64 << 10

// A Notifier posts messages. It keeps no connections between two of them.
type Notifier struct {
	client *http.Client
	now    func() time.Time
}

// New makes a notifier.
func New() *Notifier {
	return &Notifier{
		client: &http.Client{
			Transport:     &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment},
			CheckRedirect: stayThere,
		},
		now: time.Now,
	}
}

// stayThere keeps a signed message from going to somebody else.
func stayThere(req *http.Request, via []*http.Request) error {
	first := via[0]
	switch {
	case len(via) > 3:
		return errors.New("it redirects again and again")
	case req.URL.Host != first.URL.Host || req.URL.Scheme != first.URL.Scheme:
		return fmt.Errorf("it redirects to another host, %s", origin(req.URL))
	case req.Method != first.Method:
		return errors.New("it redirects to a page, not to another hook")
	}
	return nil
}

// Tell posts the message and waits for the answer.
func (n *Notifier) Tell(ctx context.Context, with json.RawMessage, m notify.Message) error {
	s, err := decode(with)
	if err != nil {
		return fmt.Errorf("tell webhook: %w", err)
	}
	if err := n.post(ctx, s, m); err != nil {
		return fmt.Errorf("tell webhook at %s: %w", s.origin, err)
	}
	return nil
}

func (n *Notifier) post(ctx context.Context, s *settings, m notify.Message) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.Timeout))
	defer cancel()
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	key, err := s.key()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, bytes.NewReader(body))
	if err != nil {
		return errors.New("the URL cannot be used")
	}
	for name, value := range s.Headers {
		req.Header.Set(name, value)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "serin")
	req.Header.Set("Idempotency-Key", headerSafe(m.Key))
	if key != nil {
		req.Header.Set(SignatureHeader, sign(key, n.now(), body))
	}
	resp, err := n.client.Do(req)
	if err != nil {
		return plain(err)
	}
	defer resp.Body.Close()
	io.CopyN(io.Discard, resp.Body, answerLimit)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("it answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	return nil
}

// plain takes the URL out of a client's error.
func plain(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// headerSafe writes a key so that any one fits into a header, and different keys stay different.
func headerSafe(key string) string { return (&url.URL{Path: key}).EscapedPath() }

// origin is the part of a URL that is no secret.
func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }
