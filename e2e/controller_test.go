package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
)

// A controller is `serin controller` as a process of this machine, so that a test can kill it.
type controller struct {
	name    string
	config  string // kubeconfig
	args    []string
	health  string
	metrics string
	log     *capture

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{}
}

// newController is a controller for some namespaces, not started yet. Home is where its lease is.
func (h *house) newController(name, kubeconfig, home string, namespaces ...string) *controller {
	c := &controller{name: name, config: kubeconfig, health: freeAddress(), metrics: freeAddress(), log: &capture{}}
	c.args = []string{
		"controller", "--namespaces", strings.Join(namespaces, ","), "--leader-namespace", home,
		"--health-address", c.health, "--metrics-address", c.metrics, "--log-text",
	}
	return c
}

// start begins the process and waits until it is ready.
func (c *controller) start(ctx context.Context) error {
	c.mu.Lock()
	cmd := exec.Command(program, append(c.args, "--kubeconfig", c.config)...)
	cmd.Stdout, cmd.Stderr = c.log, c.log
	if dir := os.Getenv("SERIN_E2E_LOGS"); dir != "" { // for whoever looks for a fault
		file, err := os.OpenFile(filepath.Join(dir, c.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			c.mu.Unlock()
			return err
		}
		cmd.Stdout = io.MultiWriter(c.log, file)
		cmd.Stderr = cmd.Stdout
	}
	fmt.Fprintf(c.log, "--- %s: started\n", time.Now().Format(time.TimeOnly))
	err := cmd.Start()
	if err != nil {
		c.mu.Unlock()
		return fmt.Errorf("start controller %s: %w", c.name, err)
	}
	exited := make(chan struct{})
	c.cmd, c.exited = cmd, exited
	c.mu.Unlock()
	go func() { cmd.Wait(); close(exited) }()

	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	err = until(ctx, func(ctx context.Context) (bool, error) {
		return answers(ctx, "http://"+c.health+"/readyz") || ended(exited), nil
	})
	if err == nil && ended(exited) {
		err = errors.New("it has ended by itself")
	}
	if err != nil {
		return fmt.Errorf("controller %s is not ready: %w: %s", c.name, err, c.log.tail(40))
	}
	return nil
}

func ended(exited <-chan struct{}) bool {
	select {
	case <-exited:
		return true
	default:
		return false
	}
}

// gone reports whether the process has ended by itself.
func (c *controller) gone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cmd == nil || ended(c.exited)
}

// alone lets the controller work without being elected: one that was killed holds its lease for a while.
func (c *controller) alone() { c.args = append(c.args, "--leader-elect=false") }

// through lets the controller reach the API server by another URL, from its next start on.
func (c *controller) through(t *testing.T, server string) {
	t.Helper()
	config, err := clientcmd.LoadFromFile(c.config)
	if err != nil {
		t.Fatal(err)
	}
	for _, cluster := range config.Clusters {
		was, err := url.Parse(cluster.Server)
		if err != nil {
			t.Fatal(err)
		}
		cluster.TLSServerName, cluster.Server = was.Hostname(), server
	}
	c.config = filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, c.config); err != nil {
		t.Fatal(err)
	}
}

// answers reports whether a URL answers with 200.
func answers(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// kill ends the process at once, in the middle of whatever it does.
func (c *controller) kill() { c.end(syscall.SIGKILL, 10*time.Second) }

// stop asks the process to end, as a node that is drained does.
func (c *controller) stop() error { return c.end(syscall.SIGTERM, 20*time.Second) }

func (c *controller) end(signal syscall.Signal, within time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cmd == nil {
		return nil
	}
	fmt.Fprintf(c.log, "--- %s: %s\n", time.Now().Format(time.TimeOnly), signal)
	c.cmd.Process.Signal(signal)
	select {
	case <-c.exited:
	case <-time.After(within):
		c.cmd.Process.Kill()
		<-c.exited
		return fmt.Errorf("controller %s did not end within %s of %s", c.name, within, signal)
	}
	c.cmd = nil
	return nil
}

// A capture keeps what a process writes.
type capture struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (c *capture) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Write(p)
}

// tail is the last lines, of those that hold a word of the given ones if there are any.
func (c *capture) tail(n int, words ...string) string {
	c.mu.Lock()
	lines := strings.Split(strings.TrimSpace(c.text.String()), "\n")
	c.mu.Unlock()
	var kept []string
	for _, line := range lines {
		for _, word := range words {
			if strings.Contains(line, word) || strings.HasPrefix(line, "---") {
				kept = append(kept, line)
				break
			}
		}
	}
	if len(words) == 0 {
		kept = lines
	}
	return strings.Join(kept[max(0, len(kept)-n):], "\n")
}

// freeAddress is an address of this machine that nobody listens at.
func freeAddress() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "127.0.0.1:0" // the process that gets it says so
	}
	defer l.Close()
	return l.Addr().String()
}
