package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/textproto"
	"strings"
)

// smallBody is what is read from the client before an instance is chosen. A slow sender of a small body then costs no
// backend anything, and the request can be written in one go.
const smallBody = 16 << 10

// markMirror is the header that tells a backend that nobody waits for its answer.
const markMirror = "Serin-Mirror"

// A message is a request as backends get to see it: end-to-end fields of the client, and where it came from according
// to us.
type message struct {
	in       *http.Request
	ctx      context.Context
	body     []byte   // a small body, whole
	stream   *payload // any other body; nil when there is none
	upgrade  string   // the protocol to change to, such as "websocket"; empty for ordinary requests
	drop     []string // fields that the Connection header names
	sender   sender
	mirrored bool
	inform   func(code int, h http.Header) // passes 1xx answers on; nil: nobody asks
}

// newMessage refuses what could mean something else to a backend than it does to us. HTTP/1 requests were checked by
// net/http; HTTP/2 allows spaces in places that an HTTP/1 request line does not.
func newMessage(r *http.Request, c *config) (*message, error) {
	switch {
	case r.Method == http.MethodConnect:
		return nil, errors.New("CONNECT is not served")
	case !isToken(r.Method):
		return nil, errors.New("method is not a token")
	case !plainText(r.Host) || strings.ContainsAny(r.Host, "/?#@\\"):
		return nil, errors.New("host is not a host")
	case !plainText(r.URL.RawQuery) || r.URL.Opaque != "":
		return nil, errors.New("target is not a path and query")
	}
	m := &message{in: r, ctx: r.Context(), sender: newSender(r, c)}
	for _, line := range r.Header["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			m.drop = append(m.drop, textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)))
		}
	}
	m.upgrade = upgradeOf(r, m.drop)
	if r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0 {
		m.stream = &payload{body: r.Body, length: r.ContentLength}
	}
	return m, nil
}

// upgradeOf returns the protocol an HTTP/1.1 request asks for. "h2c" is never passed on: the backend would speak HTTP/2
// on a connection whose requests nobody here looks at.
func upgradeOf(r *http.Request, connection []string) string {
	protocol := r.Header.Get("Upgrade")
	if protocol == "" || r.ProtoMajor != 1 || !plainText(protocol) || strings.EqualFold(protocol, "h2c") {
		return ""
	}
	for _, name := range connection {
		if name == "Upgrade" {
			return protocol
		}
	}
	return ""
}

// readSmall takes a small body in, so that the message can be repeated and copied. It is the client's time that passes
// here.
func (m *message) readSmall() error {
	if m.stream == nil || m.stream.length < 0 || m.stream.length > smallBody {
		return nil
	}
	body := make([]byte, m.stream.length)
	if _, err := io.ReadFull(m.stream, body); err != nil {
		return fmt.Errorf("read body: %w", err)
	}
	// One more read lets net/http see the end of the body, which is when it starts to notice that the client is gone.
	if n, err := m.stream.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		return fmt.Errorf("read body: longer than its length %d", m.stream.length)
	}
	m.body, m.stream = body, nil
	return nil
}

// repeatable reports whether nothing of the body is lost so far.
func (m *message) repeatable() bool { return m.stream == nil || !m.stream.touched.Load() }

// idempotent reports whether the request may be repeated after a connection broke before any answer (RFC 9110, section
// 9.2.2; the same rule as net/http's own transport).
func (m *message) idempotent() bool {
	switch m.in.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return m.stream == nil && len(m.body) == 0
	}
	_, key := m.in.Header["Idempotency-Key"]
	return key && m.stream == nil
}

// grpc reports whether the message has to travel over HTTP/2 to keep its meaning.
func (m *message) grpc() bool {
	return m.in.ProtoMajor == 2 && strings.HasPrefix(m.in.Header.Get("Content-Type"), "application/grpc")
}

// fields hands out the header to send, without Host, Content-Length and what belongs to the connection.
func (m *message) fields(put func(name, value string)) {
	for name, values := range m.in.Header {
		if !m.passes(name) {
			continue
		}
		for _, value := range values {
			put(name, value)
		}
	}
	if strings.Contains(m.in.Header.Get("Te"), "trailers") {
		put("Te", "trailers")
	}
	if m.upgrade != "" {
		put("Connection", "Upgrade")
		put("Upgrade", m.upgrade)
	}
	if m.mirrored {
		put(markMirror, "1")
	}
	m.sender.fields(m.in, put)
}

// passes reports whether a field of the client goes on to the backend.
func (m *message) passes(name string) bool {
	switch name {
	case "Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade", "Host", "Content-Length":
		return false
	case "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded":
		return false // said anew by the sender
	case "Expect":
		return m.stream != nil
	case markMirror:
		return m.sender.trusted && !m.mirrored
	case "X-Real-Ip":
		return m.sender.trusted
	}
	if !m.sender.trusted && strings.HasPrefix(name, "X-Forwarded-") {
		return false
	}
	for _, dropped := range m.drop {
		if name == dropped {
			return false
		}
	}
	return true
}

// A sender is where a request came from. What it says of earlier hops counts only when it is a trusted proxy.
type sender struct {
	ip      string
	trusted bool
	secure  bool // the request came over TLS, as far as we can trust that
}

func newSender(r *http.Request, c *config) sender {
	s := sender{ip: r.RemoteAddr, secure: r.TLS != nil}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		s.ip = host
	}
	if len(c.trusted) > 0 {
		if addr, err := netip.ParseAddr(s.ip); err == nil {
			s.trusted = c.trusts(addr.Unmap().WithZone(""))
		}
	}
	if s.trusted && !s.secure {
		s.secure = r.Header.Get("X-Forwarded-Proto") == "https"
	}
	return s
}

// fields says where the request came from. Of a trusted proxy the earlier hops are kept and the proxy itself is added.
func (s sender) fields(r *http.Request, put func(name, value string)) {
	scheme, host, hops := "http", r.Host, s.ip
	if r.TLS != nil {
		scheme = "https"
	}
	if s.trusted {
		if given := r.Header.Get("X-Forwarded-Proto"); given != "" {
			scheme = given
		}
		if given := r.Header.Get("X-Forwarded-Host"); given != "" {
			host = given
		}
		if given := strings.Join(r.Header["X-Forwarded-For"], ", "); given != "" {
			hops = given + ", " + s.ip
		}
		if given := strings.Join(r.Header["Forwarded"], ", "); given != "" {
			put("Forwarded", given+", for="+s.node())
		}
	}
	put("X-Forwarded-For", hops)
	put("X-Forwarded-Host", host)
	put("X-Forwarded-Proto", scheme)
}

// node writes the address as RFC 7239, section 6, wants it.
func (s sender) node() string {
	if strings.Contains(s.ip, ":") {
		return `"[` + s.ip + `]"`
	}
	return s.ip
}

// isToken reports whether the text is a token of RFC 9110, section 5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}

// plainText reports whether the text has neither spaces nor control characters.
func plainText(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}
