//go:build unix

package proxy

import (
	"net"
	"syscall"
)

// liveness returns a function that looks, without waiting, whether the connection is open and silent. An idle connection
// that has something to read was closed by the other end, or carries bytes nobody asked for: both are the end of it.
func liveness(conn net.Conn) func() bool {
	if tracked, ok := conn.(*trackedConn); ok {
		conn = tracked.Conn
	}
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return func() bool { return true }
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return func() bool { return false }
	}
	return func() bool {
		silent := false
		var peeked [1]byte
		err := raw.Read(func(fd uintptr) bool {
			_, _, err := syscall.Recvfrom(int(fd), peeked[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
			silent = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK
			return true
		})
		return err == nil && silent
	}
}
