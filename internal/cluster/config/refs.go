package config

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// A Ref is a ConfigMap or a Secret that a pod template names.
type Ref struct {
	Kind string `json:"kind"` // "ConfigMap" or "Secret"
	Name string `json:"name"`
}

const (
	configMap = "ConfigMap"
	secret    = "Secret"
	// authorities is what the cluster itself puts into every namespace; no release is made of it.
	authorities = "kube-root-ca.crt"
)

// Refs lists what the template names, in order.
func Refs(spec corev1.PodSpec) []Ref {
	var refs []Ref
	each(&spec, func(kind string, name *string) { refs = append(refs, Ref{kind, *name}) })
	slices.SortFunc(refs, func(a, b Ref) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	return slices.Compact(refs)
}

// Rename lets the template name other objects.
func Rename(spec *corev1.PodSpec, names map[Ref]string) {
	each(spec, func(kind string, name *string) {
		if other, ok := names[Ref{kind, *name}]; ok {
			*name = other
		}
	})
}

// each visits every name of a ConfigMap or Secret, wherever a pod template can hold one. Ephemeral containers are none of
// a template.
func each(spec *corev1.PodSpec, visit func(kind string, name *string)) {
	see := func(kind string, name *string) {
		if *name != "" && *name != authorities {
			visit(kind, name)
		}
	}
	for i := range spec.Volumes {
		volume(&spec.Volumes[i].VolumeSource, see)
	}
	for _, containers := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range containers {
			container(&containers[i], see)
		}
	}
}

func volume(v *corev1.VolumeSource, see func(kind string, name *string)) {
	if v.ConfigMap != nil {
		see(configMap, &v.ConfigMap.Name)
	}
	if v.Secret != nil {
		see(secret, &v.Secret.SecretName)
	}
	if v.Projected == nil {
		return
	}
	for i := range v.Projected.Sources {
		s := &v.Projected.Sources[i]
		if s.ConfigMap != nil {
			see(configMap, &s.ConfigMap.Name)
		}
		if s.Secret != nil {
			see(secret, &s.Secret.Name)
		}
	}
}

func container(c *corev1.Container, see func(kind string, name *string)) {
	for i := range c.Env {
		from := c.Env[i].ValueFrom
		if from == nil {
			continue
		}
		if from.ConfigMapKeyRef != nil {
			see(configMap, &from.ConfigMapKeyRef.Name)
		}
		if from.SecretKeyRef != nil {
			see(secret, &from.SecretKeyRef.Name)
		}
	}
	for i := range c.EnvFrom {
		if c.EnvFrom[i].ConfigMapRef != nil {
			see(configMap, &c.EnvFrom[i].ConfigMapRef.Name)
		}
		if c.EnvFrom[i].SecretRef != nil {
			see(secret, &c.EnvFrom[i].SecretRef.Name)
		}
	}
}
