package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/api/v1alpha1"
)

// stages is how many namespaces one controller watches: at least as many as there are stories that share it.
const stages = 44

// A house is the cluster with serin installed: the namespaces that are still free, and the controller that watches them.
type house struct {
	dir        string // of what this run writes
	kubeconfig string // of the administrator
	apiServer  string // host and port
	client     client.Client
	free       chan string
	shared     *controller

	mu        sync.Mutex
	all       []string
	installed []string // namespaces whose permissions reach further
}

// theatre is where all stories of this process are played; nil where there is no cluster.
var theatre *house

// open installs serin's kinds, makes the namespaces and starts the controller.
func open() (*house, error) {
	h := &house{kubeconfig: os.Getenv("SERIN_KUBECONFIG"), free: make(chan string, stages)}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	rest, err := clientcmd.BuildConfigFromFlags("", h.kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", h.kubeconfig, err)
	}
	rest.QPS = -1 // a test that waits for its own client measures nothing
	h.apiServer = strings.TrimPrefix(rest.Host, "https://")
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	if h.client, err = client.New(rest, client.Options{Scheme: scheme}); err != nil {
		return nil, fmt.Errorf("reach the cluster: %w", err)
	}
	if h.dir, err = os.MkdirTemp("", "serin-e2e-"); err != nil {
		return nil, err
	}
	if program, err = filepath.Abs(program); err != nil {
		return nil, err
	}
	if _, err := h.kubectl(ctx, "apply", "--server-side", "--force-conflicts", "-f", "../deploy/crds"); err != nil {
		return nil, err
	}
	var watched []string
	for range stages {
		ns, err := h.namespace(ctx)
		if err != nil {
			return nil, errors.Join(err, h.close())
		}
		h.free <- ns
		watched = append(watched, ns)
	}
	home, err := h.namespace(ctx) // of the controller: its account and its lease
	if err != nil {
		return nil, errors.Join(err, h.close())
	}
	config, err := h.install(ctx, home)
	if err != nil {
		return nil, errors.Join(err, h.close())
	}
	h.shared = h.newController("shared", config, home, watched...)
	if err := h.shared.start(ctx); err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

// namespace makes a namespace that is gone when the house closes.
func (h *house) namespace(ctx context.Context) (string, error) {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "serin-e2e-"}}
	if err := h.client.Create(ctx, ns); err != nil {
		return "", fmt.Errorf("make a namespace: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, ns.Name)
	return ns.Name, nil
}

// close removes all that open has made. The controller goes last: it takes its hands off what is deleted.
func (h *house) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var failures []error
	close(h.free)
	unused := map[string]bool{} // nobody has to let these go, so nobody waits for them
	for name := range h.free {
		unused[name] = true
	}
	homes := map[string]bool{}
	for _, name := range h.installed {
		homes[name] = true
	}
	for _, name := range h.all {
		if !homes[name] {
			failures = append(failures, h.remove(ctx, name))
		}
	}
	for _, name := range h.all {
		if !unused[name] && !homes[name] {
			failures = append(failures, h.gone(ctx, name))
		}
	}
	if h.shared != nil {
		failures = append(failures, h.shared.stop())
	}
	for _, name := range h.installed {
		failures = append(failures, h.remove(ctx, name), h.uninstall(ctx, name))
	}
	return errors.Join(append(failures, os.RemoveAll(h.dir))...)
}

// remove begins to remove a namespace.
func (h *house) remove(ctx context.Context, name string) error {
	return client.IgnoreNotFound(h.client.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}))
}

// gone waits until a namespace is: one that stays holds an object that nobody lets go.
func (h *house) gone(ctx context.Context, name string) error {
	err := until(ctx, func(ctx context.Context) (bool, error) {
		err := h.client.Get(ctx, client.ObjectKey{Name: name}, &corev1.Namespace{})
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	})
	if err != nil {
		return fmt.Errorf("namespace %s does not go: %w", name, err)
	}
	return nil
}

// kubectl is what a user would type.
func (h *house) kubectl(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "kubectl", append([]string{"--kubeconfig", h.kubeconfig}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("kubectl %v: %w: %s", args, err, out)
	}
	return string(out), nil
}
