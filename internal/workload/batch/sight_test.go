package batch

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/held"
	"serin.dev/serin/internal/plan"
)

// fake is a set as far as sight looks at it.
type fake struct {
	Set
	current string
	rolls   bool
}

func (f fake) Holds() bool { return !f.rolls }

func (f fake) Current() string { return f.current }

func (f fake) Object() client.Object {
	return &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{cluster.HeldAnnotation: "shop/db"}}}
}

// formOf writes a form as "v1" (fixed), "v1~" (reads originals), or "v1!" (reads originals that have changed).
func formOf(text string) form {
	return form{
		Form: held.Form{ID: text}, revision: plan.Revision(strings.TrimRight(text, "~!")),
		loose: strings.ContainsAny(text, "~!"), stale: strings.HasSuffix(text, "!"),
	}
}

func TestSight(t *testing.T) {
	type wish = map[plan.Revision]int
	for _, c := range []struct {
		reason                         string
		template, current, asked, pods string
		want                           wish
		again                          bool
		sight                          string
	}{
		{reason: "adopted: it reads what it always read", template: "v1~", current: "v1~", asked: "v1", pods: "v1~ v1~", want: wish{"v1": 2},
			sight: "template v1, current v1, pods v1 v1, rest"},
		{reason: "its ConfigMap changes, nothing is released: no pod has to go", template: "v1!", current: "v1!", asked: "v2", pods: "v1! v1!", want: wish{"v1": 2},
			sight: "template v1*, current v1, pods v1 v1"},
		{reason: "a batch: new pods must not be made of what the user wrote", template: "v2~", current: "v1", asked: "v2", pods: "v1 v1", want: wish{"v1": 1, "v2": 1},
			sight: "template v2*, current v1, pods v1 v1"},
		{reason: "nor the last of them", template: "v2~", current: "v1", asked: "v2", pods: "v1 v2", want: wish{"v2": 2, "v1": 0},
			sight: "template v2*, current v1, pods v1 v2"},
		{reason: "a batch: copies stand in the spec", template: "v2", current: "v1!", asked: "v2", pods: "v1! v1!", want: wish{"v1": 1, "v2": 1},
			sight: "template v2, current v1, pods v1 v1"},
		{reason: "promoted: what the user wrote may stand there again", template: "v2", current: "v2", asked: "v2", pods: "v2 v2", want: wish{"v2": 2},
			sight: "template v2, current v2, pods v2 v2, rest"},
		{reason: "and does", template: "v2~", current: "v2", asked: "v2", pods: "v2 v2", want: wish{"v2": 2},
			sight: "template v2, current v2, pods v2 v2, rest"},
		{reason: "back to pods whose ConfigMap has changed: they go too", template: "v2", current: "v1!", asked: "v2", pods: "v1! v2", want: wish{"v1": 2},
			sight: "template v2, current v1*, pods v1* v2"},
		{reason: "until all have copies", template: "v1", current: "v1!", asked: "v2", pods: "v1! v1", want: wish{"v1": 2},
			sight: "template v1, current v1*, pods v1* v1"},
		{reason: "back, and at the end what is asked for is not what is wanted", template: "v1", current: "v1", asked: "v2", pods: "v1 v1", want: wish{"v1": 2},
			sight: "template v1, current v1, pods v1 v1"},
		{reason: "somebody insists on the user's own template: it is taken", template: "v2~", current: "v1", asked: "v2", pods: "v1 v2~", want: wish{"v1": 1, "v2": 1},
			again: true, sight: "template v2, current v1, pods v1 v2"},
		{reason: "but not for a revision that it is not any more", template: "v2!", current: "v1", asked: "v3", pods: "v1 v2!", want: wish{"v1": 1, "v2": 1},
			again: true, sight: "template v2*, current v1, pods v1 v2"},
	} {
		tg := &target{set: fake{current: c.current}, template: formOf(c.template), current: formOf(c.current), wish: formOf(c.asked)}
		for _, word := range strings.Fields(c.pods) {
			f := formOf(word)
			tg.members = append(tg.members, Member{Revision: f.revision, form: f})
		}
		if c.again {
			tg.asked = &held.Asked{Form: tg.template.ID, Again: true}
		}
		if got := words(tg.sight(c.want)); got != c.sight {
			t.Errorf("%s:\n got %s\nwant %s", c.reason, got, c.sight)
		}
	}
}

func words(s Sight) string {
	var pods []string
	for _, m := range s.Members {
		pods = append(pods, string(m.Revision))
	}
	text := fmt.Sprintf("template %s, current %s, pods %s", s.Template, s.Current, strings.Join(pods, " "))
	if s.Rest {
		text += ", rest"
	}
	return text
}

// Somebody insists once pods were made of what stood in the place of their template; a put that did not come about is no
// such thing.
func TestInsisted(t *testing.T) {
	tg := &target{template: formOf("v2~"), asked: &held.Asked{Form: "v2~", Instead: "v2", Was: "v2~"}}
	tg.members = []Member{{form: formOf("v1")}}
	if tg.insisted() || tg.instead() {
		t.Error("nothing has stood in its place yet")
	}
	tg.members = append(tg.members, Member{form: formOf("v2")})
	if !tg.insisted() {
		t.Error("a pod was made of what stood in its place, and now it is there again")
	}
	note, err := tg.note(nil, false)
	if err != nil || note == nil || !note.Again {
		t.Errorf("it is not remembered: %+v, %v", note, err)
	}
	tg.asked.Back = true
	if tg.insisted() {
		t.Error("serin itself has put it there")
	}
	if note, err := tg.note(nil, true); err != nil || note != nil {
		t.Errorf("it is remembered when all is over: %+v, %v", note, err)
	}
}

func TestAdoptedUntilTheLastPod(t *testing.T) {
	tg := &target{set: fake{}, adopted: &adopted{form: "v1~"}, template: formOf("v2")}
	tg.members = []Member{{form: formOf("v2")}, {form: formOf("v1~")}}
	if tg.adopt() == nil {
		t.Error("a pod from before is still there")
	}
	tg.members = tg.members[:1]
	if tg.adopt() != nil {
		t.Error("the last pod from before is gone")
	}
	back, err := readAdopted(&appsv1.DaemonSet{})
	if back != nil || err != nil {
		t.Errorf("never adopted: %+v, %v", back, err)
	}
}

// A Canary does not sleep while moves are left to make.
func TestUnfinished(t *testing.T) {
	elsewhere := &held.Asked{Form: "asked", Instead: "v2"}
	for _, c := range []struct {
		reason         string
		set            fake
		template, wish string
		asked          *held.Asked
		want           bool
	}{
		{"what the user wrote stands in the spec", fake{}, "v2~", "v2~", nil, false},
		{"Kubernetes still replaces pods", fake{rolls: true}, "v2", "v2", nil, true},
		{"what the user wrote has yet to come back", fake{}, "v2", "v2", elsewhere, true},
		{"a DaemonSet stays at what Git's is not", fake{}, "v1", "v2", elsewhere, false},
		{"a StatefulSet does not", fake{current: "db-1"}, "v1", "v2", elsewhere, true},
	} {
		tg := &target{set: c.set, template: formOf(c.template), wish: formOf(c.wish), asked: c.asked}
		if got, err := (&Sets{}).unfinished(t.Context(), tg); err != nil || got != c.want {
			t.Errorf("%s: got %t, %v", c.reason, got, err)
		}
	}
}
