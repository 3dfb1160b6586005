package part

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Cache is where built parts are kept for all checkouts on this machine.
type Cache struct {
	Dir     string
	Modules string // the folder with the parts' modules
	Log     io.Writer
}

// Open finds the user's cache and the modules of this checkout.
func Open(log io.Writer) (Cache, error) {
	modules, err := findModules()
	if err != nil {
		return Cache{}, err
	}
	user, err := os.UserCacheDir()
	if err != nil {
		return Cache{}, err
	}
	dir := filepath.Join(user, "serin-cluster")
	return Cache{Dir: dir, Modules: modules, Log: log}, os.MkdirAll(dir, 0o755)
}

// findModules looks upwards from where we are called, then from where our program lies.
func findModules() (string, error) {
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	program, err := os.Executable()
	if err != nil {
		return "", err
	}
	for _, dir := range []string{here, filepath.Dir(program)} {
		for ; dir != "/" && dir != "."; dir = filepath.Dir(dir) {
			parts := filepath.Join(dir, "e2e", "cluster", "parts")
			if _, err := os.Stat(filepath.Join(parts, "kubernetes", "go.mod")); err == nil {
				return parts, nil
			}
		}
	}
	return "", fmt.Errorf("no e2e/cluster/parts above %s or %s: call it from a checkout of serin", here, program)
}

// Path is where a built part lies.
func (c Cache) Path(p Part) (string, error) {
	key, err := p.key(c.module(p))
	return filepath.Join(c.Dir, key), err
}

func (c Cache) module(p Part) string { return filepath.Join(c.Modules, p.Name) }

// Build makes what is missing. Only one build runs at a time on a machine; the others wait for it, and find its work.
func (c Cache) Build(ctx context.Context, parts ...Part) error {
	for _, p := range parts {
		if err := c.build(ctx, p); err != nil {
			return fmt.Errorf("build %s: %w", p.Name, err)
		}
	}
	return nil
}

func (c Cache) build(ctx context.Context, p Part) error {
	to, err := c.Path(p)
	if err != nil || built(to) {
		return err
	}
	unlock, err := c.Lock("build")
	if err != nil {
		return err
	}
	defer unlock()
	if built(to) {
		return nil
	}
	fmt.Fprintf(c.Log, "build %s ...\n", filepath.Base(to))
	began := time.Now()
	scratch, err := c.scratch()
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	if err := c.compile(ctx, p, scratch); err != nil {
		return err
	}
	for _, f := range p.Files {
		if err := c.copy(ctx, p, f, scratch); err != nil {
			return err
		}
	}
	if err := os.Rename(scratch, to); err != nil {
		return err
	}
	fmt.Fprintf(c.Log, "built %s in %s\n", filepath.Base(to), time.Since(began).Round(time.Second))
	return nil
}

func built(dir string) bool {
	_, err := os.Stat(dir)
	return err == nil
}

// Lock waits for a lock of that name, which is held until the function is called or the process ends.
func (c Cache) Lock(name string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(c.Dir, name+".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		fmt.Fprintf(c.Log, "wait for another %s on this machine ...\n", name)
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return func() { f.Close() }, nil
}

// scratch makes an empty folder for a build, and removes what interrupted builds have left: the lock says that none runs.
func (c Cache) scratch() (string, error) {
	left, err := filepath.Glob(filepath.Join(c.Dir, ".building-*"))
	if err != nil {
		return "", err
	}
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return "", err
		}
	}
	dir, err := os.MkdirTemp(c.Dir, ".building-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
}

func (c Cache) compile(ctx context.Context, p Part, to string) error {
	version, err := p.version(c.module(p), p.Module)
	if err != nil {
		return err
	}
	ldflags := "-s -w " + strings.ReplaceAll(p.LDFlags, "VERSION", version)
	args := []string{"build", "-mod=readonly", "-buildvcs=false", "-ldflags", ldflags, "-tags", p.Tags, "-o", to + "/"}
	modules := filepath.Join(to, ".modules")
	defer os.RemoveAll(modules)
	overlay, err := c.overlay(ctx, p, modules)
	if err != nil {
		return err
	}
	args = append(args, overlay...)
	args = append(args, slices.Sorted(maps.Values(p.Programs))...)
	if _, err := c.goTool(ctx, p, args...); err != nil {
		return err
	}
	for name, pkg := range p.Programs {
		if given := binaryName(pkg); given != name {
			if err := os.Rename(filepath.Join(to, given), filepath.Join(to, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// binaryName is how go build calls a package's program.
func binaryName(pkg string) string {
	if dir, last := path.Split(pkg); regexp.MustCompile(`^v[0-9]+$`).MatchString(last) {
		return path.Base(dir)
	}
	return path.Base(pkg)
}

func (c Cache) copy(ctx context.Context, p Part, f Files, to string) error {
	dir, err := c.download(ctx, p, f.Module)
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(dir, f.Glob))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("module %s has no %s", f.Module, f.Glob)
	}
	if err := os.MkdirAll(filepath.Join(to, f.To), 0o755); err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, f.To, filepath.Base(file)), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// download fetches a module and tells where it lies.
func (c Cache) download(ctx context.Context, p Part, module string) (dir string, err error) {
	if !strings.Contains(module, "@") {
		version, err := p.version(c.module(p), module)
		if err != nil {
			return "", err
		}
		module += "@" + version
	}
	out, err := c.goTool(ctx, p, "mod", "download", "-json", module)
	if err != nil {
		return "", err
	}
	var answer struct{ Dir string }
	if err := json.Unmarshal(out, &answer); err != nil {
		return "", fmt.Errorf("read the answer of go mod download: %w", err)
	}
	return answer.Dir, nil
}

func (c Cache) goTool(ctx context.Context, p Part, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = c.module(p)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if p.Go != "" {
		cmd.Env = append(cmd.Env, "GOTOOLCHAIN=go"+p.Go)
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(args[:2], " "), err, said.Bytes())
	}
	return out, nil
}

// Program is the path of a file of a part, which Build has seen to.
func (c Cache) Program(part, file string) string { return filepath.Join(c.Dir, c.Key(part), file) }

// Key names a part in the cache.
func (c Cache) Key(part string) string {
	parts, err := Named(part)
	if err != nil {
		panic(err) // a part is named by us
	}
	key, err := parts[0].key(c.module(parts[0]))
	if err != nil {
		return part // its go.mod has become unreadable: starting it will say that there is no such file
	}
	return key
}
