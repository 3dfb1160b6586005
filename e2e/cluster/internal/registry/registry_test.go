package registry

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// serve serves the images in a directory until the returned function is called.
func serve(t *testing.T, dir string) (address string, stop func()) {
	t.Helper()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(r)
	stop = func() { server.Close(); r.Close() }
	t.Cleanup(stop)
	return server.Listener.Addr().String(), stop
}

func tag(t *testing.T, text string) name.Tag {
	t.Helper()
	n, err := name.NewTag(text, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func image(t *testing.T) v1.Image {
	t.Helper()
	img, err := random.Image(2000, 2)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestImagesSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	address, stop := serve(t, dir)
	first, second := image(t), image(t)
	list := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: first}, mutate.IndexAddendum{Add: second})
	for _, err := range []error{
		remote.Write(tag(t, address+"/a/b:v1"), first),
		remote.Write(tag(t, address+"/a/b:v1"), second), // the tag moves
		remote.WriteIndex(tag(t, address+"/a/c:v1"), list),
		remote.Write(tag(t, address+"/a/b:gone"), first),
		remote.Delete(tag(t, address+"/a/b:gone")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	stop()

	address, _ = serve(t, dir)
	pulled, err := remote.Image(tag(t, address+"/a/b:v1"))
	if err != nil {
		t.Fatal(err)
	}
	want, _ := second.Digest()
	if got, _ := pulled.Digest(); got != want {
		t.Errorf("v1 is %s, was %s", got, want)
	}
	layers, err := pulled.Layers()
	if err != nil || len(layers) != 2 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	for _, l := range layers {
		if r, err := l.Compressed(); err != nil {
			t.Error(err)
		} else {
			r.Close()
		}
	}
	index, err := remote.Index(tag(t, address+"/a/c:v1"))
	if err != nil {
		t.Fatal(err)
	}
	want, _ = list.Digest()
	if got, _ := index.Digest(); got != want {
		t.Errorf("the index is %s, was %s", got, want)
	}
	if _, err := remote.Head(tag(t, address+"/a/b:gone")); err == nil {
		t.Error("a deleted tag is back")
	}
}

func TestJournalWithACutOffEnd(t *testing.T) {
	dir := t.TempDir()
	address, stop := serve(t, dir)
	if err := remote.Write(tag(t, address+"/a:v1"), image(t)); err != nil {
		t.Fatal(err)
	}
	stop()
	path := filepath.Join(dir, "manifests.jsonl")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(`{"Method":"PUT","Path":"/v2/a/mani`)
	f.Close()

	address, stop = serve(t, dir)
	if err := remote.Write(tag(t, address+"/a:v2"), image(t)); err != nil {
		t.Fatal(err)
	}
	stop()

	address, _ = serve(t, dir)
	for _, v := range []string{"v1", "v2"} {
		if _, err := remote.Head(tag(t, address+"/a:"+v)); err != nil {
			t.Errorf("%s: %v", v, err)
		}
	}
}

func TestRefusedManifestIsNotWrittenDown(t *testing.T) {
	dir := t.TempDir()
	address, _ := serve(t, dir)
	put := func(body string) int {
		req, err := http.NewRequest(http.MethodPut, "http://"+address+"/v2/a/manifests/v1", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/vnd.oci.image.index.v1+json")
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.StatusCode
	}
	if code := put("not json"); code != http.StatusBadRequest {
		t.Errorf("rubbish: %d", code)
	}
	if code := put(strings.Repeat(" ", maxManifest+1)); code != http.StatusRequestEntityTooLarge {
		t.Errorf("too large: %d", code)
	}
	if info, err := os.Stat(filepath.Join(dir, "manifests.jsonl")); err != nil || info.Size() != 0 {
		t.Errorf("the journal has %v, %v", info, err)
	}
}
