package pod

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
)

// A Template is what a revision's name is made of: what a pod template runs, and with which configuration.
type Template struct {
	Version string // of the image, where it is clear: "6.9.2"
	Digest  string // of the template, without what controllers stamp on it
	Config  string // digest of the configuration it was rolled out with, as noted on it (cluster.ConfigAnnotation)
}

// Read reads a pod template. main names the container that the version is of, where there are several. What makes a
// template another one for its controller makes another revision, restartedAt among it; the label that controllers add to
// copies of a template does not, nor does serin's own note of the configuration.
func Read(t corev1.PodTemplateSpec, main string) (Template, error) {
	read := Template{Version: version(t.Spec.Containers, main), Config: t.Annotations[cluster.ConfigAnnotation]}
	t.Labels, t.Annotations = maps.Clone(t.Labels), maps.Clone(t.Annotations)
	delete(t.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	delete(t.Labels, appsv1.ControllerRevisionHashLabelKey)
	delete(t.Annotations, cluster.ConfigAnnotation)
	if len(t.Annotations) == 0 {
		t.Annotations = nil // an empty map and none are the same template
	}
	data, err := canonical(t)
	if err != nil {
		return read, fmt.Errorf("encode pod template: %w", err)
	}
	read.Digest = digest(data)
	return read, nil
}

// Revision names the template when it runs with a configuration of the given digest; "" is none.
func (t Template) Revision(config string) plan.Revision {
	short := digest([]byte(t.Digest + "\n" + config))[:8]
	if t.Version == "" {
		return plan.Revision(short)
	}
	return plan.Revision(t.Version + "-" + short)
}

// canonical encodes a value the same way whatever the order of its fields is in this version of the API.
func canonical(value any) ([]byte, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var plain any
	if err := json.Unmarshal(data, &plain); err != nil {
		return nil, err
	}
	return json.Marshal(plain)
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

var unsafe = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// version is the tag of the main container's image, fit for a label; "" where it says nothing.
func version(containers []corev1.Container, main string) string {
	const longest = 31 // with "-" and 8 digits a revision has at most 40 characters
	if len(containers) == 0 {
		return ""
	}
	image := containers[0].Image
	for _, c := range containers {
		if c.Name == main {
			image = c.Image
		}
	}
	image, _, _ = strings.Cut(image, "@")
	tag := image[strings.LastIndex(image, "/")+1:]
	_, tag, found := strings.Cut(tag, ":")
	if !found || tag == "latest" {
		return ""
	}
	tag = unsafe.ReplaceAllString(tag, "-")
	return strings.Trim(tag[:min(longest, len(tag))], "._-")
}
