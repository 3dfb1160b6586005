package cli

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"time"

	"serin.dev/serin/internal/progress"
	"serin.dev/serin/internal/progress/scenes"
)

// story is a release that goes wrong, as a watcher meets it.
func story() []progress.Release {
	growing, trouble := scenes.Growing(), scenes.Growing()
	trouble.Trouble = "apply route checkout: connection refused"
	var told []progress.Release
	for _, f := range []progress.Facts{growing, trouble, growing, scenes.RollingBack(), scenes.RolledBack()} {
		told = append(told, progress.Of(f))
	}
	first := progress.Of(scenes.First())
	return append(told, first)
}

func TestPlainOutputIsABlockAndThenLines(t *testing.T) {
	var out bytes.Buffer
	live := NewLive(&out, false, func() int { return 100 })
	for _, r := range story() {
		live.Show(r)
		live.Show(r) // nothing new, nothing said
	}
	live.Done()
	golden(t, "testdata/live-plain.txt", out.String())
}

func TestTerminalShowsExactlyTheLastBlocks(t *testing.T) {
	var out bytes.Buffer
	width := 100
	live := NewLive(&out, true, func() int { return width })
	live.Style = Style{}
	var want string
	for i, r := range story() {
		live.Show(r)
		r.At = r.At.Add(time.Second)
		live.Show(r)
		if i == len(story())-2 {
			want = screen(t, out.String()) + "\n"
		}
	}
	got := screen(t, out.String())
	if !strings.HasPrefix(got, want) || strings.Count(got, "why ") != 2 {
		t.Errorf("want the last block of each release, one below the other, got:\n%s", got)
	}
	golden(t, "testdata/live-terminal.txt", got)
}

func TestATerminalThatIsTooLowShowsTheTop(t *testing.T) {
	var out bytes.Buffer
	live := NewLive(&out, true, nil)
	live.Height = func() int { return 6 }
	for range 3 {
		live.Show(progress.Of(scenes.Holding()))
	}
	if lines := strings.Split(screen(t, out.String()), "\n"); len(lines) != 6 || strings.Count(out.String(), "\x1b[5A") != 2 {
		t.Errorf("want five lines, drawn over each other, got %q", lines)
	}
}

// screen plays what was written on a terminal that is high enough and knows what Live uses.
func screen(t *testing.T, written string) string {
	t.Helper()
	lines, row := []string{""}, 0
	for written != "" {
		switch {
		case written[0] == '\n':
			if row++; row == len(lines) {
				lines = append(lines, "")
			}
			written = written[1:]
		case written[0] == '\r':
			written = written[1:]
		case strings.HasPrefix(written, "\x1b["):
			end := strings.IndexAny(written, "AKJm")
			n, _ := strconv.Atoi(written[2:end])
			switch written[end] {
			case 'A':
				if row -= n; row < 0 {
					t.Fatal("the cursor left the screen")
				}
			case 'J':
				lines = append(lines[:row], "")
			}
			written = written[end+1:]
		default:
			end := strings.IndexAny(written, "\n\r\x1b")
			lines[row], written = written[:end], written[end:]
		}
	}
	return strings.Join(lines, "\n")
}
