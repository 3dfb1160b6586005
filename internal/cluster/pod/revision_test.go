package pod

import (
	"regexp"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"serin.dev/serin/internal/plan"
)

func template(change func(*corev1.PodTemplateSpec)) corev1.PodTemplateSpec {
	t := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "checkout"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "registry.example:5000/shop/checkout:1.4.2"}}},
	}
	if change != nil {
		change(&t)
	}
	return t
}

func revision(t *testing.T, change func(*corev1.PodTemplateSpec), config string) plan.Revision {
	t.Helper()
	read, err := Read(template(change), "checkout")
	if err != nil {
		t.Fatal(err)
	}
	return read.Revision(config)
}

func TestRevision(t *testing.T) {
	base := revision(t, nil, "")
	// The very name is part of what is stored with releases: another one would release every target once more.
	if base != "1.4.2-1b13a6b9" {
		t.Errorf("got %s", base)
	}
	for reason, c := range map[string]struct {
		change func(*corev1.PodTemplateSpec)
		config string
		same   bool
	}{
		"the label that controllers add to copies": {change: func(p *corev1.PodTemplateSpec) { p.Labels["pod-template-hash"] = "6b9" }, same: true},
		"serin's own note":                         {change: func(p *corev1.PodTemplateSpec) { p.Annotations = map[string]string{"serin.dev/config": "1"} }, same: true},
		"an empty map":                             {change: func(p *corev1.PodTemplateSpec) { p.Annotations = map[string]string{} }, same: true},
		"a restart by kubectl": {change: func(p *corev1.PodTemplateSpec) {
			p.Annotations = map[string]string{"kubectl.kubernetes.io/restartedAt": "now"}
		}},
		"another label":          {change: func(p *corev1.PodTemplateSpec) { p.Labels["tier"] = "front" }},
		"a variable":             {change: func(p *corev1.PodTemplateSpec) { p.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "A"}} }},
		"other configuration":    {config: "1a2b"},
		"a volume of its own":    {change: func(p *corev1.PodTemplateSpec) { p.Spec.Volumes = []corev1.Volume{{Name: "v"}} }},
		"another image's digest": {change: func(p *corev1.PodTemplateSpec) { p.Spec.Containers[0].Image += "@sha256:00" }},
	} {
		if got := revision(t, c.change, c.config); (got == base) != c.same {
			t.Errorf("%s: got %s, before %s", reason, got, base)
		}
	}
}

func TestVersion(t *testing.T) {
	label := regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,38}[A-Za-z0-9]$`)
	for image, want := range map[string]string{
		"checkout:1.4.2":                             "1.4.2",
		"registry.example:5000/shop/checkout":        "",
		"registry.example:5000/checkout:v2@sha256:0": "v2",
		"checkout@sha256:00":                         "",
		"checkout:latest":                            "",
		"checkout:_":                                 "",
		"checkout:" + strings.Repeat("long", 20):     strings.Repeat("long", 8)[:31],
	} {
		read, err := Read(template(func(p *corev1.PodTemplateSpec) { p.Spec.Containers[0].Image = image }), "checkout")
		if err != nil || read.Version != want {
			t.Errorf("%s: got %q, %v, want %q", image, read.Version, err, want)
		}
		if rev := string(read.Revision("")); !label.MatchString(rev) {
			t.Errorf("%s: revision %q is not fit for a label", image, rev)
		}
	}
	beside := func(p *corev1.PodTemplateSpec) {
		p.Spec.Containers = append([]corev1.Container{{Name: "proxy", Image: "proxy:9"}}, corev1.Container{Name: "checkout", Image: "checkout:3"})
	}
	if read, err := Read(template(beside), "checkout"); err != nil || read.Version != "3" {
		t.Errorf("among several containers the one with the target's name counts: got %q, %v", read.Version, err)
	}
}
