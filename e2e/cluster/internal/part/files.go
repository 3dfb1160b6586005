package part

import (
	"io/fs"
	"os"
	"path/filepath"
)

// filesBelow names the files below a folder in a fixed order; a folder that is not there has none.
func filesBelow(dir string) (names []string, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		names = append(names, filepath.ToSlash(name))
		return err
	})
	if os.IsNotExist(err) {
		return nil, nil
	}
	return names, err
}
