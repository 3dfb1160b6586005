package proxy

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"testing"
)

func configFor(t testing.TB, with string) *config {
	t.Helper()
	c, err := decode(json.RawMessage(with))
	if err != nil {
		t.Fatal(err)
	}
	return &c
}

// sent returns the header a backend would see.
func sent(t testing.TB, r *http.Request, c *config) http.Header {
	t.Helper()
	m, err := newMessage(r, c)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	m.fields(func(name, value string) { h[name] = append(h[name], value) })
	return h
}

func TestForwarded(t *testing.T) {
	const behind = `{"trustedProxies": ["10.0.0.0/8", "fd00::/8", "192.0.2.7"]}`
	for _, test := range []struct {
		reason, with, from string
		given, want        map[string]string
	}{
		{
			reason: "who asks is said", from: "203.0.113.9:4711",
			want: map[string]string{"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "shop.example"},
		},
		{
			reason: "what a stranger says of itself is overwritten", with: behind, from: "203.0.113.9:4711",
			given: map[string]string{
				"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil", "X-Forwarded-Port": "1",
				"Forwarded": "for=127.0.0.1", "X-Real-Ip": "127.0.0.1",
			},
			want: map[string]string{
				"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "shop.example", "X-Forwarded-Port": "",
				"Forwarded": "", "X-Real-Ip": "",
			},
		},
		{
			reason: "a trusted proxy is believed and added", with: behind, from: "10.1.2.3:4711",
			given: map[string]string{
				"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "www.example", "X-Forwarded-Port": "443",
				"Forwarded": "for=203.0.113.9;proto=https", "X-Real-Ip": "203.0.113.9",
			},
			want: map[string]string{
				"X-Forwarded-For": "203.0.113.9, 10.1.2.3", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "www.example", "X-Forwarded-Port": "443",
				"Forwarded": "for=203.0.113.9;proto=https, for=10.1.2.3", "X-Real-Ip": "203.0.113.9",
			},
		},
		{
			reason: "a single address can be trusted", with: behind, from: "192.0.2.7:1",
			given: map[string]string{"X-Forwarded-For": "203.0.113.9"},
			want:  map[string]string{"X-Forwarded-For": "203.0.113.9, 192.0.2.7"},
		},
		{
			reason: "IPv6 is written as RFC 7239 wants it", with: behind, from: "[fd00::1]:4711",
			given: map[string]string{"Forwarded": "for=203.0.113.9"},
			want:  map[string]string{"Forwarded": `for=203.0.113.9, for="[fd00::1]"`, "X-Forwarded-For": "fd00::1"},
		},
		{
			reason: "an IPv4 address in IPv6 clothes is the same address", with: behind, from: "[::ffff:10.1.2.3]:4711",
			given: map[string]string{"X-Forwarded-Proto": "https"},
			want:  map[string]string{"X-Forwarded-Proto": "https"},
		},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://shop.example/", nil)
		r.RemoteAddr = test.from
		for name, value := range test.given {
			r.Header.Set(name, value)
		}
		got := sent(t, r, configFor(t, test.with))
		for name, want := range test.want {
			if got.Get(name) != want || len(got[name]) > 1 {
				t.Errorf("%s: %s is %q, want %q", test.reason, name, got[name], want)
			}
		}
	}
}

func TestFieldsOfTheConnectionStay(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "http://shop.example/", nil)
	for name, value := range map[string]string{
		"Connection": "keep-alive, x-mine, X-Forwarded-For", "X-Mine": "1", "Keep-Alive": "1", "Proxy-Connection": "1", "Proxy-Authorization": "1",
		"Te": "gzip, trailers", "Transfer-Encoding": "chunked", "Trailer": "X", "Upgrade": "websocket", "X-Stays": "1", "Expect": "100-continue",
	} {
		r.Header.Set(name, value)
	}
	got := sent(t, r, configFor(t, ""))
	for _, name := range []string{"Connection", "X-Mine", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "Transfer-Encoding", "Trailer", "Upgrade", "Expect"} {
		if _, ok := got[name]; ok {
			t.Errorf("%s goes on to the backend: %q", name, got[name])
		}
	}
	if got.Get("X-Stays") != "1" || got.Get("Te") != "trailers" || got.Get("X-Forwarded-For") == "" {
		t.Errorf("what should go on is missing: %v", got)
	}
}

// FuzzForwarded: whatever a stranger sends, backends learn its true address, and nothing that would end a line.
func FuzzForwarded(f *testing.F) {
	f.Add("X-Forwarded-For", "127.0.0.1", "X-Forwarded-For", "a b")
	f.Add("Forwarded", "for=_x;by=\"\"", "shop.example", "x=1")
	f.Add("Connection", "X-Forwarded-For, Forwarded", "h", "x y")
	f.Fuzz(func(t *testing.T, name, value, host, query string) {
		c := configFor(t, `{"trustedProxies": ["10.0.0.0/8"]}`)
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr, r.Host, r.URL.RawQuery = "203.0.113.9:1", host, query
		r.Header[textproto.CanonicalMIMEHeaderKey(name)] = []string{value}
		m, err := newMessage(r, c)
		if err != nil {
			return
		}
		if strings.ContainsAny(r.Host+r.URL.RequestURI(), " \r\n\x00") {
			t.Fatalf("host %q and target %q were let through", r.Host, r.URL.RequestURI())
		}
		seen := map[string]int{}
		m.fields(func(name, value string) {
			seen[name]++
			if name == "X-Forwarded-For" && value != "203.0.113.9" || name == "Forwarded" || name == "Connection" {
				t.Fatalf("a stranger made the backend see %s: %q", name, value)
			}
		})
		if seen["X-Forwarded-For"] != 1 {
			t.Fatalf("the sender is said %d times", seen["X-Forwarded-For"])
		}
	})
}
