package proxy

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// deadlines is a response writer that notes the read deadlines it is given.
type deadlines struct {
	http.ResponseWriter
	set []time.Time
}

// SetReadDeadline is what http.ResponseController calls.
func (d *deadlines) SetReadDeadline(t time.Time) error {
	d.set = append(d.set, t)
	return nil
}

func TestBodyDeadlines(t *testing.T) {
	w := &deadlines{}
	p := &payload{body: strings.NewReader("0123456789"), length: 10}
	p.hurry(http.NewResponseController(w), time.Minute)
	p.Read(make([]byte, 4))
	if len(w.set) != 1 || w.set[0].IsZero() {
		t.Fatalf("in the middle of a body the deadlines are %v, want one", w.set)
	}
	p.Read(make([]byte, 6))
	if last := w.set[len(w.set)-1]; !last.IsZero() {
		t.Errorf("after the body the deadline is %v, want none", last)
	}

	late := &deadlines{}
	p = &payload{body: strings.NewReader("0123456789"), length: 10}
	p.hurry(http.NewResponseController(late), time.Minute)
	p.end()
	p.Read(make([]byte, 4))
	if len(late.set) != 0 {
		t.Errorf("after its request a body sets deadlines %v: they would be the next request's", late.set)
	}
}

func TestBodyIsKeptForItsCopy(t *testing.T) {
	var copied string
	p := &payload{body: strings.NewReader("0123456789"), length: 10, whole: func(b []byte) { copied += string(b) }}
	for range 4 {
		p.Read(make([]byte, 3))
		if len(copied) != 0 && len(copied) != 10 {
			t.Fatalf("a part was handed out: %q", copied)
		}
	}
	if copied != "0123456789" {
		t.Errorf("the copy is %q", copied)
	}
}
