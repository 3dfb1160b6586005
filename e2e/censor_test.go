package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// A censor passes everything on to the API server but what concerns one group of kinds: behind it the cluster looks as if their
// CRDs had never been installed.
type censor struct {
	group string
	pass  *httputil.ReverseProxy
}

// newCensor returns the URL behind which a group does not exist. It speaks with the account of a kubeconfig, since accounts are
// not told in the clear.
func newCensor(t *testing.T, later func(func()), kubeconfig, group string) string {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	host, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	c := &censor{group: group}
	c.pass = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(host)
			r.Out.Header.Del("Accept-Encoding")
		},
		Transport:      transport,
		FlushInterval:  -1, // watches
		ModifyResponse: c.strike,
	}
	server := httptest.NewServer(c)
	later(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

func (c *censor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/apis/"+c.group || strings.HasPrefix(r.URL.Path, "/apis/"+c.group+"/") {
		http.NotFound(w, r)
		return
	}
	c.pass.ServeHTTP(w, r)
}

// strike takes the group out of the list of groups, in the old and in the aggregated form.
func (c *censor) strike(resp *http.Response) error {
	if resp.Request.URL.Path != "/apis" {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return err
	}
	resp.Body.Close()
	var list map[string]any
	if err := json.Unmarshal(body, &list); err != nil {
		return err
	}
	for _, field := range []string{"groups", "items"} {
		all, _ := list[field].([]any)
		kept := []any{}
		for _, g := range all {
			group, _ := g.(map[string]any)
			meta, _ := group["metadata"].(map[string]any)
			if group["name"] != c.group && meta["name"] != c.group {
				kept = append(kept, g)
			}
		}
		if all != nil {
			list[field] = kept
		}
	}
	if body, err = json.Marshal(list); err != nil {
		return err
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return nil
}
