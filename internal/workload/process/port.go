package process

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Ports are chosen below the range from which systems take ports of outgoing connections (Linux: from 32768), so that a
// port that is free now is still free when the replica gets to listen.
const (
	firstPort = 20000
	lastPort  = 29999
)

// A harbour hands out ports on 127.0.0.1. A port in use by a replica that does not listen yet must not be given twice.
type harbour struct {
	mu    sync.Mutex
	taken map[int]string // port to instance
}

// berth reserves the wanted port, or with 0 any free one.
func (h *harbour) berth(instance string, wanted int) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if wanted != 0 {
		if other, taken := h.taken[wanted]; taken {
			return 0, fmt.Errorf("port %d is taken by %s; a fixed port is for one replica, leave `port` out to give each its own", wanted, other)
		}
		if !isFree(wanted) {
			return 0, fmt.Errorf("port %d is taken by another program", wanted)
		}
		h.taken[wanted] = instance
		return wanted, nil
	}
	span := lastPort - firstPort + 1
	for i, at := 0, rand.IntN(span); i < span; i++ {
		port := firstPort + (at+i)%span
		if _, taken := h.taken[port]; !taken && isFree(port) {
			h.taken[port] = instance
			return port, nil
		}
	}
	return 0, fmt.Errorf("no port from %d to %d is free", firstPort, lastPort)
}

// moor notes the port of an adopted replica.
func (h *harbour) moor(instance string, port int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.taken[port] = instance
}

// leave gives the port back, unless it has meanwhile gone to another instance.
func (h *harbour) leave(instance string, port int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.taken[port] == instance {
		delete(h.taken, port)
	}
}

func isFree(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	l.Close()
	return true
}
