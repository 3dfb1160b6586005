package registry

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"

	ggcr "github.com/google/go-containerregistry/pkg/registry"
)

// maxManifest is the largest manifest taken; the distribution specification asks for no more.
const maxManifest = 4 << 20

// A Registry is an image registry that survives its own restart.
type Registry struct {
	images http.Handler

	mu      sync.Mutex // one change of a manifest at a time, so that the journal has the order in which they were made
	journal *os.File
}

// An entry is one change of a manifest, as it was asked for.
type entry struct {
	Method, Path, Type string
	Body               []byte
}

// Open serves the images in a directory, which is made when missing.
func Open(dir string) (*Registry, error) {
	blobs := filepath.Join(dir, "blobs")
	if err := os.MkdirAll(blobs, 0o755); err != nil { // without it every push would be answered with 500
		return nil, err
	}
	r := &Registry{images: ggcr.New(ggcr.WithBlobHandler(ggcr.NewDiskBlobHandler(blobs)))}
	path := filepath.Join(dir, "manifests.jsonl")
	if err := r.replay(path); err != nil {
		return nil, fmt.Errorf("read the manifests in %s: %w", path, err)
	}
	var err error
	r.journal, err = os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	return r, err
}

// Close closes the journal.
func (r *Registry) Close() error { return r.journal.Close() }

func (r *Registry) replay(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	lines := json.NewDecoder(bufio.NewReader(f))
	for whole := int64(0); ; {
		var e entry
		err := lines.Decode(&e)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if errors.Is(err, io.ErrUnexpectedEOF) { // the last line was cut off: its push was never answered
			return os.Truncate(path, whole)
		}
		if err != nil {
			return err
		}
		if answer := r.tell(e); answer.Code >= 300 {
			return fmt.Errorf("%s %s: %s", e.Method, e.Path, answer.Body)
		}
		whole = lines.InputOffset() + 1 // and its newline
	}
}

func (r *Registry) tell(e entry) *httptest.ResponseRecorder {
	req := httptest.NewRequest(e.Method, "http://registry"+e.Path, bytes.NewReader(e.Body))
	req.Header.Set("Content-Type", e.Type)
	answer := httptest.NewRecorder()
	r.images.ServeHTTP(answer, req)
	return answer
}

// ServeHTTP passes everything on, and writes down what changes a manifest.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	changes := req.Method == http.MethodPut || req.Method == http.MethodDelete
	if !changes || !strings.Contains(req.URL.Path, "/manifests/") {
		r.images.ServeHTTP(w, req)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxManifest))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	answer, err := r.change(entry{req.Method, req.URL.Path, req.Header.Get("Content-Type"), body})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	w.Write(answer.Body.Bytes())
}

func (r *Registry) change(e entry) (*httptest.ResponseRecorder, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	answer := r.tell(e)
	if answer.Code >= 300 {
		return answer, nil
	}
	line, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	if _, err := r.journal.Write(append(line, '\n')); err != nil {
		return nil, fmt.Errorf("write down %s: %w", e.Path, err)
	}
	return answer, nil
}
