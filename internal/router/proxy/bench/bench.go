package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A load is what wrk is asked for.
type load struct {
	name        string
	bytes       int // of the answer's body
	connections int
}

func cases() []load {
	return []load{
		{"64 B", 64, 32}, {"64 B", 64, 64}, {"16 KiB", 16 << 10, 32}, {"16 KiB", 16 << 10, 64},
	}
}

// A contender is a proxy under test, running.
type contender struct {
	name    string
	version string
	url     string
	process *os.Process
}

type bench struct {
	dir     string
	each    time.Duration
	profile string
	backend string

	contenders []*contender
	mu         sync.Mutex
	started    []*exec.Cmd
}

func newBench(each time.Duration, profile string) (*bench, error) {
	dir, err := os.MkdirTemp("", "serin-bench-")
	if err != nil {
		return nil, err
	}
	return &bench{dir: dir, each: each, profile: profile}, nil
}

// start brings up the backend and everyone who is to be measured.
func (b *bench) start(only string) error {
	if _, err := exec.LookPath("wrk"); err != nil {
		return errors.New("wrk is not installed: apt-get install -y wrk haproxy nginx-light")
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	b.backend, err = freeAddress()
	if err != nil {
		return err
	}
	if _, err := b.run(b.backend, self, roleBackend, b.backend); err != nil {
		return err
	}
	for _, c := range []struct {
		name  string
		start func(self, address string) (*contender, error)
	}{
		{"haproxy", b.startHAProxy}, {"nginx", b.startNGINX}, {"serin", b.startSerin}, {roleDirect, b.startDirect},
	} {
		if only != "" && only != c.name {
			continue
		}
		address, err := freeAddress()
		if err != nil {
			return err
		}
		contender, err := c.start(self, address)
		if err != nil {
			return fmt.Errorf("start %s: %w", c.name, err)
		}
		contender.name = c.name
		b.contenders = append(b.contenders, contender)
	}
	return nil
}

func (b *bench) startDirect(_, _ string) (*contender, error) {
	return &contender{url: "http://" + b.backend, version: runtime.Version()}, nil
}

func (b *bench) startSerin(self, address string) (*contender, error) {
	process, err := b.run(address, self, roleProxy, address, "http://"+b.backend)
	return &contender{url: "http://" + address, process: process, version: runtime.Version()}, err
}

func (b *bench) startHAProxy(_, address string) (*contender, error) {
	config := fmt.Sprintf(`global
  maxconn 4096
  nbthread %d
defaults
  mode http
  timeout connect 2s
  timeout client 2m
  timeout server 60s
  option http-keep-alive
  http-reuse safe
  option forwardfor
frontend f
  bind %s
  default_backend b
backend b
  balance leastconn
  server a %s maxconn 1024 weight 90
  server b %s maxconn 1024 weight 10
`, runtime.NumCPU(), address, b.backend, b.backend)
	file := filepath.Join(b.dir, "haproxy.cfg")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return nil, err
	}
	process, err := b.run(address, "haproxy", "-db", "-f", file)
	return &contender{url: "http://" + address, process: process, version: firstVersion("haproxy", "-v")}, err
}

func (b *bench) startNGINX(_, address string) (*contender, error) {
	config := fmt.Sprintf(`worker_processes %d;
daemon off;
pid %[2]s/nginx.pid;
error_log %[2]s/nginx.err;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 100000000;
  client_body_temp_path %[2]s/body; proxy_temp_path %[2]s/proxy; fastcgi_temp_path %[2]s/fastcgi;
  uwsgi_temp_path %[2]s/uwsgi; scgi_temp_path %[2]s/scgi;
  upstream b { server %[3]s; keepalive 128; keepalive_requests 100000000; }
  server {
    listen %[4]s;
    location / {
      proxy_pass http://b;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $remote_addr;
    }
  }
}
`, runtime.NumCPU(), b.dir, b.backend, address)
	file := filepath.Join(b.dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return nil, err
	}
	process, err := b.run(address, "nginx", "-c", file, "-p", b.dir, "-e", filepath.Join(b.dir, "nginx.err"))
	return &contender{url: "http://" + address, process: process, version: firstVersion("nginx", "-v")}, err
}

// run starts a program and waits until it accepts connections.
func (b *bench) run(address, program string, args ...string) (*os.Process, error) {
	cmd := exec.Command(program, args...)
	cmd.Stderr = os.Stderr
	if b.profile != "" && args[0] == roleProxy {
		cmd.Env = append(os.Environ(), "BENCH_PROFILE="+b.profile)
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	b.started = append(b.started, cmd)
	b.mu.Unlock()
	for limit := time.Now().Add(5 * time.Second); time.Now().Before(limit); {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			return cmd.Process, conn.Close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil, fmt.Errorf("%s does not listen on %s", program, address)
}

// close ends what was started, by process.
func (b *bench) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, cmd := range b.started {
		cmd.Process.Signal(syscall.SIGTERM)
	}
	for _, cmd := range b.started {
		late := time.AfterFunc(8*time.Second, func() { cmd.Process.Kill() })
		cmd.Wait()
		late.Stop()
	}
	b.started = nil
	os.RemoveAll(b.dir)
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func firstVersion(program, flag string) string {
	out, err := exec.Command(program, flag).CombinedOutput()
	if err != nil {
		return "unknown"
	}
	return regexp.MustCompile(`\d+\.\d+\.\d+`).FindString(string(out))
}

// A sample is what wrk measured once.
type sample struct {
	perSecond float64
	p50, p99  time.Duration
	errors    int
	cpu       time.Duration // the proxy's own processor time per request
}

// measure interleaves the contenders, in another order each round.
func (b *bench) measure(loads []load, rounds int) ([]result, error) {
	var results []result
	for _, l := range loads {
		r := result{load: l, runs: map[string][]sample{}, versions: map[string]string{}}
		for round := range rounds {
			for i := range b.contenders {
				c := b.contenders[(i+round)%len(b.contenders)]
				one, err := b.once(c, l)
				if err != nil {
					return nil, fmt.Errorf("measure %s: %w", c.name, err)
				}
				r.runs[c.name] = append(r.runs[c.name], one)
				r.versions[c.name] = c.version
			}
		}
		results = append(results, r)
	}
	return results, nil
}

var (
	wrkCount   = regexp.MustCompile(`(\d+) requests in`)
	wrkRate    = regexp.MustCompile(`Requests/sec:\s+([\d.]+)`)
	wrkLatency = regexp.MustCompile(`(50|99)%\s+([\d.]+)(us|ms|s)`)
	wrkErrors  = regexp.MustCompile(`(?:connect|read|write|timeout|Non-2xx or 3xx responses:) (\d+)`)
)

func (b *bench) once(c *contender, l load) (sample, error) {
	before := cpuTime(c.process)
	out, err := exec.Command("wrk", "--latency", "-t", "1", "-c", strconv.Itoa(l.connections),
		"-d", strconv.Itoa(max(1, int(b.each/time.Second)))+"s", fmt.Sprintf("%s/%d", c.url, l.bytes)).CombinedOutput()
	if err != nil {
		return sample{}, fmt.Errorf("run wrk: %w: %s", err, out)
	}
	text := string(out)
	rate := wrkRate.FindStringSubmatch(text)
	count := wrkCount.FindStringSubmatch(text)
	if rate == nil || count == nil {
		return sample{}, fmt.Errorf("read wrk's answer: %s", text)
	}
	var one sample
	one.perSecond, _ = strconv.ParseFloat(rate[1], 64)
	requests, _ := strconv.Atoi(count[1])
	if c.process != nil && requests > 0 {
		one.cpu = (cpuTime(c.process) - before) / time.Duration(requests)
	}
	for _, m := range wrkLatency.FindAllStringSubmatch(text, -1) {
		d, _ := time.ParseDuration(m[2] + m[3])
		if m[1] == "50" {
			one.p50 = d
		} else {
			one.p99 = d
		}
	}
	for _, m := range wrkErrors.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(m[1])
		one.errors += n
	}
	return one, nil
}

// cpuTime adds up what the process and its children (NGINX's workers) have used so far.
func cpuTime(p *os.Process) time.Duration {
	if p == nil {
		return 0
	}
	pids := []string{strconv.Itoa(p.Pid)}
	if children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", p.Pid)); err == nil {
		pids = append(pids, strings.Fields(string(children))...)
	}
	var total time.Duration
	for _, pid := range pids {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		for _, f := range fields[11:13] { // utime and stime, in hundredths of a second
			n, _ := strconv.Atoi(f)
			total += time.Duration(n) * 10 * time.Millisecond
		}
	}
	return total
}
