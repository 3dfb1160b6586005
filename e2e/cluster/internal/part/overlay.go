package part

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
)

// overlay leaves out of modules what is large to compile and never used here: overlay/MODULE/FILE in a part's folder stands
// for FILE of MODULE. (Go's own flag -overlay keeps its hands off the module cache.) Such modules are copied to a folder, with
// our files in place of theirs, and a go.mod beside them says so; the arguments make go build use it.
func (c Cache) overlay(ctx context.Context, p Part, to string) (args []string, err error) {
	ours := filepath.Join(c.module(p), "overlay")
	names, err := filesBelow(ours)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	mod, err := p.goMod(c.module(p))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		module := moduleOf(name, mod)
		copied := filepath.Join(to, module)
		if _, err := os.Stat(copied); err != nil {
			original, err := c.download(ctx, p, module)
			if err != nil {
				return nil, fmt.Errorf("find the module of overlay/%s: %w", name, err)
			}
			if err := os.CopyFS(copied, os.DirFS(original)); err != nil {
				return nil, err
			}
			if err := mod.AddReplace(module, "", copied, ""); err != nil {
				return nil, err
			}
		}
		if err := overwrite(filepath.Join(to, name), filepath.Join(ours, name)); err != nil {
			return nil, fmt.Errorf("overlay/%s: %w", name, err)
		}
	}
	return []string{"-modfile", filepath.Join(to, "go.mod")}, c.writeModule(p, mod, to)
}

// moduleOf is the required module with the longest path above the file.
func moduleOf(file string, mod *modfile.File) (module string) {
	for _, r := range mod.Require {
		if strings.HasPrefix(file, r.Mod.Path+"/") && len(r.Mod.Path) > len(module) {
			module = r.Mod.Path
		}
	}
	return module
}

// overwrite insists that the file is there: beside a file that was renamed ours would be one more, and the large one stay.
func overwrite(file, by string) error {
	if _, err := os.Stat(file); err != nil {
		return err
	}
	text, err := os.ReadFile(by)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}

func (c Cache) writeModule(p Part, mod *modfile.File, to string) error {
	text, err := mod.Format()
	if err != nil {
		return err
	}
	sums, err := os.ReadFile(filepath.Join(c.module(p), "go.sum"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(to, "go.mod"), text, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(to, "go.sum"), sums, 0o644)
}
