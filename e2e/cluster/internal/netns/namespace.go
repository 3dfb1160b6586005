package netns

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Dir is where named namespaces are mounted, ours and those of the pods.
const Dir = "/run/netns"

// A Namespace is a network namespace with a name.
type Namespace struct{ Name string }

// Path is the file the namespace is mounted on.
func (n Namespace) Path() string { return filepath.Join(Dir, n.Name) }

// Exists tells whether the namespace is there.
func (n Namespace) Exists() bool {
	return n.Do(func() error { return nil }) == nil
}

// Create makes the namespace with its loopback and the bridge of the node, which has the given address (with its mask)
// and takes all traffic that is not for a pod: there is no other way out. It is safe to repeat.
func (n Namespace) Create(address string) error {
	if !n.Exists() {
		if err := n.add(); err != nil {
			return fmt.Errorf("make network namespace %s: %w", n.Name, err)
		}
	}
	if err := n.Do(func() error { return configure(address) }); err != nil {
		return fmt.Errorf("configure network namespace %s: %w", n.Name, err)
	}
	return nil
}

func (n Namespace) add() error {
	if err := n.Remove(); err != nil { // a file without a namespace is what a restart of the machine leaves
		return err
	}
	return aside(func() error {
		h, err := netns.NewNamed(n.Name)
		if err != nil {
			return err
		}
		return h.Close()
	})
}

// Remove unmounts the namespace; its links go with it. A namespace that is not there is no error.
func (n Namespace) Remove() error {
	err := unix.Unmount(n.Path(), unix.MNT_DETACH)
	if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("unmount %s: %w", n.Path(), err)
	}
	if err := os.Remove(n.Path()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Enter moves the calling thread into the namespace for good: for a program that is about to become another one.
func (n Namespace) Enter() error {
	runtime.LockOSThread()
	h, err := netns.GetFromPath(n.Path())
	if err != nil {
		return fmt.Errorf("open network namespace %s: %w", n.Name, err)
	}
	defer h.Close()
	if err := netns.Set(h); err != nil {
		return fmt.Errorf("enter network namespace %s: %w", n.Name, err)
	}
	return nil
}

// Do calls f inside the namespace. What f starts or dials before it returns belongs to the namespace.
func (n Namespace) Do(f func() error) error {
	return aside(func() error {
		if err := n.Enter(); err != nil {
			return err
		}
		return f()
	})
}

// DialContext dials an IP address from inside; names would be looked up on another thread, which is outside.
func (n Namespace) DialContext(ctx context.Context, network, address string) (conn net.Conn, err error) {
	err = n.Do(func() error {
		conn, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// aside calls f on a thread of its own. The thread is never unlocked, so the runtime ends it with the goroutine: no
// other goroutine can come to run in a foreign namespace.
func aside(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- f()
	}()
	return <-done
}

func configure(address string) error {
	for file, value := range map[string]string{
		"ipv4/ip_forward":                "1",
		"bridge/bridge-nf-call-iptables": "1", // a pod that calls itself or its neighbour through a Service
	} {
		if err := os.WriteFile("/proc/sys/net/"+file, []byte(value), 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("set %s: %w", file, err)
		}
	}
	if err := up("lo"); err != nil {
		return err
	}
	const node = "node0" // a bridge, as not every kernel has dummy links
	if _, err := netlink.LinkByName(node); err == nil {
		return nil
	}
	link := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: node}}
	if err := netlink.LinkAdd(link); err != nil {
		return fmt.Errorf("add bridge %s: %w", node, err)
	}
	addr, err := netlink.ParseAddr(address)
	if err != nil {
		return err
	}
	if err := netlink.AddrAdd(link, addr); err != nil {
		return fmt.Errorf("give %s to %s: %w", address, node, err)
	}
	if err := up(node); err != nil {
		return err
	}
	_, everywhere, _ := net.ParseCIDR("0.0.0.0/0")
	if err := netlink.RouteAdd(&netlink.Route{LinkIndex: link.Index, Dst: everywhere}); err != nil {
		return fmt.Errorf("add a default route by %s: %w", node, err)
	}
	return nil
}

func up(name string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find link %s: %w", name, err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("bring up link %s: %w", name, err)
	}
	return nil
}
