package process

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	logLimit = 1 << 20 // bytes of one log file before it is turned over
	logsKept = 20      // logs of instances that are gone, per target
	tailSize = 4 << 10 // bytes of the last output that Trouble may show
	tailRows = 20
)

// openLog opens the file a replica writes to. Appending makes truncation safe while the replica holds the file.
func openLog(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// turnOver moves the end of a log that has grown too long to path.1 and empties it. The file must stay the same one, for
// the replica holds it open and would not follow a rename; what it writes in between is lost.
func turnOver(path string, limit int64) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() <= limit {
		return nil
	}
	if err != nil {
		return err
	}
	if err := copyTail(path, path+".1", limit); err != nil {
		// Without room for a copy the old lines are the price of going on.
		os.Remove(path + ".1")
		return errors.Join(err, os.Truncate(path, 0))
	}
	return os.Truncate(path, 0)
}

func copyTail(from, to string, limit int64) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if end, err := in.Seek(0, io.SeekEnd); err == nil {
		in.Seek(max(0, end-limit), io.SeekStart)
	}
	_, err = io.CopyN(out, in, limit)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, out.Close())
}

// tail returns the last lines of a log, without control characters that could repaint a terminal.
func tail(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	if end, err := file.Seek(0, io.SeekEnd); err == nil {
		file.Seek(max(0, end-tailSize), io.SeekStart)
	}
	data, _ := io.ReadAll(io.LimitReader(file, tailSize))
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	if len(data) == tailSize && len(lines) > 1 {
		lines = lines[1:] // it began in the middle of a line
	}
	text := string(bytes.Join(lines[max(0, len(lines)-tailRows):], []byte("\n")))
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r == '\uFFFD' {
			return -1
		}
		return r
	}, text)
}

// pruneLogs removes the oldest logs that begin with the prefix and belong to no living instance, so that a crash loop
// does not fill the disk.
func pruneLogs(dir, prefix string, keep int, alive func(instance string) bool) {
	files, _ := os.ReadDir(dir)
	type old struct {
		path string
		at   time.Time
	}
	var gone []old
	for _, file := range files {
		instance, isLog := strings.CutSuffix(file.Name(), ".log")
		if !isLog || !strings.HasPrefix(instance, prefix) || alive(instance) {
			continue
		}
		if info, err := file.Info(); err == nil {
			gone = append(gone, old{filepath.Join(dir, file.Name()), info.ModTime()})
		}
	}
	slices.SortFunc(gone, func(a, b old) int { return b.at.Compare(a.at) })
	for _, log := range gone[min(keep, len(gone)):] {
		os.Remove(log.path)
		os.Remove(log.path + ".1")
	}
}
