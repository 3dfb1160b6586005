// Package pod tells what back ends need to know of pods and of the templates they are made from: which revision a template
// is, where a pod answers, and why pods are not ready, in words for people.
package pod
