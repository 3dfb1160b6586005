package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// calm is how long everything is left alone before it is measured: serin looks after a finished release for a minute.
const calm = 90 * time.Second

// A stage is a control plane with a tool at work in it.
type stage struct {
	course
	tool   tool
	client client.Client
	plane  *plane
}

// play fills the control plane, lets the tool settle, and measures it at rest and at work.
func play(ctx context.Context, c course) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &stage{course: c, tool: tools()[c.Tool]}
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	config.QPS = -1
	if err := s.open(ctx, config); err != nil {
		return err
	}
	log.Printf("make %d applications", c.Idle)
	if err := s.fill(ctx); err != nil {
		return err
	}
	kubeconfig, err := s.account(ctx, config)
	if err != nil {
		return fmt.Errorf("make a service account: %w", err)
	}
	p, err := launch(c.Program, s.tool.args(kubeconfig), strings.TrimSuffix(c.Out, ".json")+".log")
	if err != nil {
		return err
	}
	defer p.stop()
	result := Result{Tool: c.Tool, Title: s.tool.title, Idle: c.Idle, Active: c.Active}
	began := time.Now()
	if result.Settled, err = s.settle(ctx, p); err != nil {
		return err
	}
	result.Start = seconds(time.Since(began))
	log.Printf("%d of %d at rest after %.0fs; wait %s", result.Settled, c.Idle, result.Start, calm)
	if err := pause(ctx, p, calm); err != nil {
		return err
	}
	if err := s.read(ctx, p, &result.AtRest); err != nil {
		return err
	}
	if err := result.write(c.Out); err != nil {
		return err
	}
	return s.work(ctx, p, &result)
}

// work gives some of the applications a new revision and measures while these are on their way.
func (s *stage) work(ctx context.Context, p *process, result *Result) error {
	log.Printf("a new revision of %d", s.Active)
	if err := revise(ctx, s.client, s.tool.target, s.Active, "app:v2"); err != nil {
		return err
	}
	begun, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	last := 0
	err := until(begun, glance, func() (bool, error) {
		moves, err := s.moving(ctx)
		last = sum(moves)
		return last >= s.Active, errors.Join(err, p.alive())
	})
	if err != nil && (begun.Err() == nil || ctx.Err() != nil) {
		return err
	}
	log.Printf("%d of %d under way", last, s.Active)
	result.Began = last
	if err := s.read(ctx, p, &result.AtWork); err != nil {
		return err
	}
	if result.Moves, err = s.moving(ctx); err != nil {
		return err
	}
	log.Printf("under way at the end: %v", result.Moves)
	return result.write(s.Out)
}

// open makes everything ready that is there before the first application.
func (s *stage) open(ctx context.Context, config *rest.Config) error {
	var err error
	if s.client, err = client.New(config, client.Options{Scheme: clientgoscheme.Scheme}); err != nil {
		return err
	}
	if err := define(ctx, s.client, s.CRDs); err != nil {
		return err
	}
	if s.client, err = client.New(config, client.Options{Scheme: clientgoscheme.Scheme}); err != nil { // one that knows them
		return err
	}
	if err := namespaces(ctx, s.client, s.Idle); err != nil {
		return fmt.Errorf("make namespaces: %w", err)
	}
	if err := s.client.Create(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: standIn}}); err != nil {
		return fmt.Errorf("make the node: %w", err)
	}
	objects, err := cache.New(config, cache.Options{Scheme: clientgoscheme.Scheme, DefaultTransform: cache.TransformStripManagedFields()})
	if err != nil {
		return err
	}
	go func() {
		if err := objects.Start(ctx); err != nil {
			log.Printf("watch pods and routes: %v", err)
		}
	}()
	s.plane = newPlane(s.client)
	return s.plane.start(ctx, objects, s.tool.target.Kind == "Deployment")
}

// fill makes the applications and waits until their Deployments are there in full, where they are Deployments.
func (s *stage) fill(ctx context.Context) error {
	if err := applications(ctx, s.client, s.Tool, s.Idle); err != nil {
		return err
	}
	if s.tool.target.Kind != "Deployment" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.Limit)
	defer cancel()
	return until(ctx, glance, func() (bool, error) {
		if s.plane.pods.Load() < int64(s.Idle) {
			return false, nil
		}
		full, err := count(ctx, s.client, s.tool.target, func(o unstructured.Unstructured) string { return condition(o, "Available") })
		return full["True"] >= s.Idle, err
	})
}

// account makes a service account that may do everything, and the kubeconfig of it.
func (s *stage) account(ctx context.Context, config *rest.Config) (file string, err error) {
	sa := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: bench0, Name: s.Tool}}
	if err := s.client.Create(ctx, sa); err != nil {
		return "", err
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: s.Tool},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: bench0, Name: s.Tool}},
	}
	if err := s.client.Create(ctx, binding); err != nil {
		return "", err
	}
	lifetime := int64(24 * 3600)
	token := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &lifetime}}
	if err := s.client.SubResource("token").Create(ctx, sa, token); err != nil {
		return "", err
	}
	k := clientcmdapi.NewConfig()
	k.Clusters["scale"] = &clientcmdapi.Cluster{Server: config.Host, CertificateAuthority: config.CAFile, CertificateAuthorityData: config.CAData}
	k.AuthInfos["tool"] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	k.Contexts["scale"] = &clientcmdapi.Context{Cluster: "scale", AuthInfo: "tool"}
	k.CurrentContext = "scale"
	file = filepath.Join(filepath.Dir(os.Getenv("KUBECONFIG")), s.Tool+".kubeconfig")
	return file, clientcmd.WriteToFile(*k, file)
}

// settle waits until the tool has nothing to do for any application, or for as long as it may take, and says how many rest.
func (s *stage) settle(ctx context.Context, p *process) (rest int, err error) {
	within, cancel := context.WithTimeout(ctx, s.Limit)
	defer cancel()
	tell := time.Now()
	err = until(within, glance, func() (bool, error) {
		all, err := count(ctx, s.client, s.tool.watched, func(o unstructured.Unstructured) string { return map[bool]string{true: "rests"}[s.tool.rests(o)] })
		rest = all["rests"]
		if time.Since(tell) > 30*time.Second {
			log.Printf("%d at rest", rest)
			tell = time.Now()
		}
		return rest >= s.Idle, errors.Join(err, p.alive())
	})
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		err = nil
	}
	return rest, err
}

// moving counts the releases under way by where they stand.
func (s *stage) moving(ctx context.Context) (map[string]int, error) {
	all, err := count(ctx, s.client, s.tool.watched, s.tool.moves)
	delete(all, "")
	return all, err
}

// read measures the tool for one window.
func (s *stage) read(ctx context.Context, p *process, into *Reading) error {
	log.Printf("measure for %s", s.Window)
	server, err := pidOf(filepath.Dir(filepath.Dir(s.AuditLog)), "apiserver")
	if err != nil {
		return err
	}
	from, err := sizeOf(s.AuditLog)
	if err != nil {
		return err
	}
	before, err := usageOf(p.cmd.Process.Pid)
	if err != nil {
		return errors.Join(err, p.alive())
	}
	serverBefore, err := usageOf(server)
	if err != nil {
		return err
	}
	began := time.Now()
	window, cancel := context.WithTimeout(ctx, s.Window)
	defer cancel()
	most, err := p.peak(window)
	if err = errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	after, err := usageOf(p.cmd.Process.Pid)
	if err != nil {
		return errors.Join(err, p.alive())
	}
	serverAfter, err := usageOf(server)
	if err != nil {
		return err
	}
	to, err := sizeOf(s.AuditLog)
	if err != nil {
		return err
	}
	*into = Reading{
		Seconds: seconds(time.Since(began)), CPU: seconds(after.cpu - before.cpu), Server: seconds(serverAfter.cpu - serverBefore.cpu),
		RSS: mib(after.rss), Peak: mib(most), Requests: map[string]int{}, Steps: newSteps(s.route()),
	}
	return requests(s.AuditLog, from, to, "system:serviceaccount:"+bench0+":"+s.Tool, func(r request) {
		into.Requests[r.what()]++
		if r.Reply.Code >= 400 {
			into.Refused++
		}
		into.Steps.add(r)
	})
}

// route is the resource that holds the weight.
func (s *stage) route() string {
	if s.tool.target.Kind == "Deployment" {
		return "httproutes"
	}
	return "virtualservices"
}

// pidOf reads the pid of a daemon of the cluster.
func pidOf(dir, daemon string) (int, error) {
	entries, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		line, err := os.ReadFile(e)
		if err != nil {
			continue // it has ended since
		}
		args := strings.Split(string(line), "\x00")
		if strings.HasSuffix(args[0], "/kube-"+daemon) && strings.Contains(string(line), dir+"/") {
			var pid int
			_, err := fmt.Sscanf(e, "/proc/%d/", &pid)
			return pid, err
		}
	}
	return 0, fmt.Errorf("no %s of %s runs", daemon, dir)
}

func pause(ctx context.Context, p *process, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-p.ended:
		return p.alive()
	case <-t.C:
		return nil
	}
}

func sum(of map[string]int) (n int) {
	for _, m := range of {
		n += m
	}
	return n
}

// A Result is what one play has found out.
type Result struct {
	Tool, Title  string
	Idle, Active int
	Start        float64 // seconds until all had settled
	Settled      int
	AtRest       Reading
	Began        int            // releases that were under way when they were measured
	Moves        map[string]int // where they stood at the end
	AtWork       Reading
}

// A Reading is what a tool used in one window.
type Reading struct {
	Seconds, CPU, Server float64 // Server: processor time of the API server, which served the stand-ins too
	RSS, Peak            float64 // MiB
	Requests             map[string]int
	Refused              int // answered with 400 or more
	Steps                *steps
}

func seconds(d time.Duration) float64 { return d.Seconds() }
func mib(bytes int64) float64         { return float64(bytes) / (1 << 20) }

func (r Result) write(file string) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}

func readResult(file string) (r Result, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("read %s: %w", file, err)
	}
	return r, nil
}
