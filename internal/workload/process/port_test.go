package process

import (
	"fmt"
	"sync"
	"testing"
)

func TestPortsAreNotGivenTwice(t *testing.T) {
	h := &harbour{taken: map[int]string{}}
	var mu sync.Mutex
	given := map[int]string{}
	var wait sync.WaitGroup
	for i := range 100 {
		wait.Go(func() {
			name := fmt.Sprintf("shop-v1-%d.1", i)
			port, err := h.berth(name, 0)
			mu.Lock()
			defer mu.Unlock()
			if other, twice := given[port]; twice || err != nil || port < firstPort || port > lastPort {
				t.Errorf("%s got port %d, %v; %q has it", name, port, err, other)
			}
			given[port] = name
		})
	}
	wait.Wait()
}

func TestPortComesBackFromItsOwnerAlone(t *testing.T) {
	h := &harbour{taken: map[int]string{}}
	port, err := h.berth("a", 0)
	if err != nil {
		t.Fatal(err)
	}
	h.leave("b", port) // a straggler that had the port before
	if _, err := h.berth("c", port); err == nil {
		t.Error("the port was given twice")
	}
	h.leave("a", port)
	if got, err := h.berth("c", port); got != port || err != nil {
		t.Errorf("got %d, %v", got, err)
	}
}
