package netns

import (
	"context"
	"fmt"
	"net"
	"os"
	"testing"
	"time"
)

func TestNamespaceIsApart(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: making a network namespace needs root")
	}
	n := Namespace{Name: fmt.Sprintf("serin-cluster-test-%d", os.Getpid())}
	t.Cleanup(func() {
		if err := n.Remove(); err != nil {
			t.Error(err)
		}
		if n.Exists() {
			t.Error("it is there after its end")
		}
	})
	for range 2 { // safe to repeat
		if err := n.Create("10.99.0.1/24"); err != nil {
			t.Fatal(err)
		}
	}
	var server net.Listener
	err := n.Do(func() (err error) {
		server, err = net.Listen("tcp", "10.99.0.1:0")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	inside, err := n.DialContext(ctx, "tcp", server.Addr().String())
	if err != nil {
		t.Fatalf("dial from inside: %v", err)
	}
	inside.Close()

	outside, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	if leak, err := n.DialContext(ctx, "tcp", outside.Addr().String()); err == nil {
		leak.Close()
		t.Error("the machine's own loopback can be reached from inside")
	}
	if conn, err := net.Dial("tcp", outside.Addr().String()); err != nil {
		t.Errorf("we have been moved: %v", err)
	} else {
		conn.Close()
	}
}

func TestMissingNamespaceIsNamed(t *testing.T) {
	n := Namespace{Name: "serin-cluster-not-there"}
	if n.Exists() {
		t.Error("it is said to exist")
	}
	if err := n.Do(func() error { return nil }); err == nil {
		t.Error("it could be entered")
	}
	if err := n.Remove(); err != nil {
		t.Errorf("removing what is not there: %v", err)
	}
}
