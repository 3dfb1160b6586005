package cluster

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes/fake"
)

func podOf(name string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Labels: map[string]string{"app": "cart"}},
		Spec: corev1.PodSpec{
			Volumes:    []corev1.Volume{{Name: "data"}},
			Containers: []corev1.Container{{Name: "app", Image: "cart:v1", Command: []string{"cart"}, Ports: []corev1.ContainerPort{{ContainerPort: 80}}}},
		},
	}
}

// What is there when somebody asks is the answer; what changes later is told to whoever asked, and to nobody else.
func TestPods(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	kube := fake.NewSimpleClientset(podOf("b"), podOf("a"))
	told := make(chan string, 100)
	pods := NewPods(kube, func(target string) { told <- target })
	defer pods.Close()
	names := func() (all []string) {
		t.Helper()
		list, err := pods.List(For(ctx, "Deployment/shop/cart"), "shop", labels.SelectorFromSet(labels.Set{"app": "cart"}))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range list {
			all = append(all, fmt.Sprintf("%s %s %s", p.Name, p.Status.Phase, p.Spec.Containers[0].Image))
			if p.Spec.Volumes != nil || p.Spec.Containers[0].Command != nil || p.Spec.Containers[0].Ports == nil {
				t.Errorf("%s is kept with what nobody reads, or without what somebody does: %+v", p.Name, p.Spec)
			}
		}
		return all
	}
	reach := func(want ...string) {
		t.Helper()
		for got := names(); !slices.Equal(got, want); got = names() {
			select {
			case target := <-told:
				if target != "Deployment/shop/cart" {
					t.Fatalf("%s was told", target)
				}
			case <-ctx.Done():
				t.Fatalf("the pods are %v, want %v, and no change is told", got, want)
			}
		}
	}
	reach("a  cart:v1", "b  cart:v1")
	if len(told) > 0 {
		t.Errorf("%d changes were told before there was one", len(told))
	}

	client := kube.CoreV1().Pods("shop")
	if _, err := client.Create(ctx, podOf("c"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	reach("a  cart:v1", "b  cart:v1", "c  cart:v1")
	ready := podOf("a")
	ready.Status.Phase = corev1.PodRunning
	if _, err := client.UpdateStatus(ctx, ready, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	reach("a Running cart:v1", "b  cart:v1", "c  cart:v1")
	if err := client.Delete(ctx, "b", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	reach("a Running cart:v1", "c  cart:v1")

	pods.Forget("Deployment/shop/cart")
	if len(pods.watched) != 0 {
		t.Errorf("%d watches are left of a target that is forgotten", len(pods.watched))
	}
}

// A watch that begins anew brings a whole list, in which pods may be missing: that is a change as well.
func TestShelfIsFilledAgain(t *testing.T) {
	told := 0
	s := newShelf(func() { told++ })
	if err := s.Replace([]any{podOf("a"), podOf("b")}, "1"); err != nil || told != 0 {
		t.Fatalf("the first list: %v, told %d times", err, told)
	}
	before := s.list()
	if err := s.Replace([]any{podOf("c")}, "2"); err != nil || told != 1 {
		t.Fatalf("the second list: %v, told %d times", err, told)
	}
	if after := s.list(); len(before) != 2 || len(after) != 1 || after[0].Name != "c" {
		t.Errorf("before %d pods, now %v", len(before), after)
	}
	if err := s.Update(&corev1.Node{}); err == nil {
		t.Error("a node is no pod")
	}
}
