package cli

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"serin.dev/serin/internal/progress"
	"serin.dev/serin/internal/progress/scenes"
)

func of(facts ...progress.Facts) []progress.Release {
	var told []progress.Release
	for _, f := range facts {
		told = append(told, progress.Of(f))
	}
	return told
}

// after is the next release of the same target, to v43, which knows how the one before it ended.
func after(f progress.Facts, phase progress.Line) progress.Facts {
	next := scenes.Holding()
	next.Release, next.Plan.Canary = "checkout-8", "v43"
	next.History = append(f.History, phase)
	return next
}

func TestWaitSaysByItsExitStatusHowItEnded(t *testing.T) {
	promoted := progress.Line{Release: "checkout-7", To: "v42", Phase: "Promoted"}
	cases := []struct {
		reason string
		story  []progress.Release
		args   string
		code   int
		text   string
	}{
		{"promoted", of(scenes.Holding(), scenes.Promoted()), "", 0, ""},
		{"already promoted", of(scenes.Promoted()), "", 0, ""},
		{"rolled back, not merely rolling back", of(scenes.Holding(), scenes.RollingBack(), scenes.RolledBack()), "", 1, "failures 2.1x stable"},
		{"a person is asked for lack of data", of(scenes.Unavailable()), "", 2, "not enough data to decide"},
		{"lack of data whose deadline is not over is only a wait", of(scenes.Scarce(), scenes.Promoted()), "", 0, ""},
		{"an approval is awaited", of(scenes.Holding(), scenes.Approval()), "", 3, "serin approve checkout or serin reject checkout"},
		{"a pause is not an end", of(scenes.Paused(), scenes.Promoted()), "", 0, ""},
		{"nothing happens in time", of(scenes.Holding()), "--timeout 300ms", 4, "Holding at 20%"},
		{"superseded", of(scenes.Holding(), scenes.Superseded()), "", 5, "v43 takes its place"},
		{"a newer release was there before its end was seen", of(scenes.Holding(), after(scenes.Holding(), promoted)), "", 0, ""},
		{"a newer release, and nobody knows how the old one ended", of(scenes.Holding(), after(scenes.Holding(), progress.Line{})), "", 5, "v43 has taken its place"},
		{"the revision's turn comes later", of(scenes.Proving(), scenes.Promoted(), after(scenes.Holding(), promoted)), "--revision v43 --timeout 300ms", 4, ""},
		{"the revision was there before", of(after(scenes.Promoted(), promoted)), "--revision v42", 0, ""},
		{"a version is its revision without the hash", hashed(scenes.RolledBack()), "--revision v42", 1, "failures 2.1x"},
		{"a version is not the beginning of another", hashed(scenes.RolledBack()), "--revision v4 --timeout 300ms", 4, ""},
		{"the revision was sent back before", of(scenes.Holding()), "--revision v40", 1, "failures 6.2x"},
		{"the revision has never been seen", of(scenes.RolledBack()), "--revision v99 --timeout 300ms", 4, ""},
		{"a goal that is none", nil, "--for promoted", 6, "completed"},
		{"a flag that is none", nil, "--revison v1", 6, "unknown flag"},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			serin := &fakeSerin{story: c.story, all: of(scenes.Holding())}
			serin.serve(t)
			_, _, err := serin.run(t, append([]string{"wait", "checkout"}, strings.Fields(c.args)...)...)
			wantExit(t, err, c.code, c.text)
		})
	}
}

// hashed is a release whose revision is a version and a hash.
func hashed(f progress.Facts) []progress.Release {
	f.Plan.Canary, f.History = "v42-a3b1a885", nil
	return of(f)
}

func wantExit(t *testing.T, err error, code int, text string) {
	t.Helper()
	var exit *Exit
	switch {
	case code == 0 && err != nil:
		t.Errorf("want promoted, got %v", err)
	case code != 0 && (!errors.As(err, &exit) || exit.Code != code || !strings.Contains(exit.Text, text)):
		t.Errorf("want exit %d with %q, got %#v", code, text, err)
	}
}

func TestWaitOutlastsARestart(t *testing.T) {
	serin := &fakeSerin{story: of(scenes.Holding(), scenes.Promoted()), all: of(scenes.Holding()), cut: 2}
	serin.serve(t)
	_, _, err := serin.run(t, "wait", "checkout")
	wantExit(t, err, 0, "")
	if serin.watches != 3 {
		t.Errorf("asked %d times, want 3", serin.watches)
	}
}

func TestWaitCannotTell(t *testing.T) {
	serin := (&fakeSerin{all: of(scenes.Holding())}).serve(t)
	_, _, err := serin.run(t, "wait", "chekout")
	wantExit(t, err, ExitUnknown, "there are: checkout")
	_, _, err = serin.run(t, "wait")
	wantExit(t, err, ExitUnknown, "accepts 1 arg")
	_, _, err = serin.run(t, "wait", "chekout", "--revision", "v1", "--timeout", "300ms")
	wantExit(t, err, ExitTimeout, "")
	nobody := &fakeSerin{socket: filepath.Join(t.TempDir(), "none")}
	_, _, err = nobody.run(t, "wait", "checkout")
	wantExit(t, err, ExitUnknown, "no serin is running here")
}

func TestWaitShowsWhatHappensUnlessQuiet(t *testing.T) {
	serin := (&fakeSerin{story: of(scenes.Holding(), scenes.Promoted()), all: of(scenes.Holding())}).serve(t)
	out, _, _ := serin.run(t, "wait", "checkout")
	if !strings.Contains(out, "HOLDING at 20%") || !strings.Contains(out, "Promoted: v42 is stable") {
		t.Errorf("want the block and then the changes, got:\n%s", out)
	}
	if out, _, _ := serin.run(t, "wait", "checkout", "-q"); out != "" {
		t.Errorf("want nothing, got:\n%s", out)
	}
}
