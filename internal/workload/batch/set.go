package batch

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
)

// A Kind is a kind of sets.
type Kind struct {
	Name string
	New  func() Set // an empty one, to be read into
	List func(ctx context.Context, a *cluster.Access, namespace string) ([]Set, error)
}

// A Set is an object of the user's whose pods are replaced batch by batch, and what its kind does in its own way.
type Set interface {
	Object() client.Object
	Template() *corev1.PodTemplateSpec
	Selector() *metav1.LabelSelector
	Owned(manager string) (any, error) // what a manager has applied of it
	Full() int                         // how many pods it shall have
	Current() string                   // the ControllerRevision of pods that the template is not for; "" where there are none
	Unfit() *cluster.Problem           // why it cannot be released; nil where it can
	Holds() bool                       // nothing is left to Kubernetes to replace

	Instance(p *corev1.Pod) string // the name of an incarnation of a pod
	Compare(a, b *corev1.Pod) int  // the order in which pods are listed
	// Share says how many pods of each revision are asked for, given how many there are that were not told to go. Together
	// they are as many as the set.
	Share(template, current plan.Revision, staying map[plan.Revision]int) map[plan.Revision]int

	// Decide finds the next move towards so many pods of each revision.
	Decide(s Sight, want map[plan.Revision]int, keep map[string]bool) Move
	// Fields are those of the spec that serin owns once it has moved, and whether they are so already.
	Fields(m Move) (spec map[string]any, so bool)
}

// A Sight is what a move is decided by. Of a revision whose pods would read other ConfigMaps and Secrets than they should,
// it speaks as of another revision (loose).
type Sight struct {
	Template plan.Revision // of the spec
	Current  plan.Revision // of Set.Current
	Asked    plan.Revision // what the user asks for
	Instead  bool          // another template stands in its place
	Rest     bool          // all pods are as wanted; so would new ones be, if what is asked for stood in the spec again
	Members  []Member
}

// A Move is what has to be done next to come nearer to an order.
type Move struct {
	Partition int           // of StatefulSets
	Put       plan.Revision // the template to put in the place of the present one; "": the present one stays
	HandBack  bool          // it is the one that was asked for
	Leave     []Member      // have to go, and are kept
	Remove    []Member      // have to go now
}

// A Member is one pod of a set.
type Member struct {
	Pod      *corev1.Pod
	Instance string
	Revision plan.Revision
	Leaving  bool // has to go, and is kept
	Going    bool // was told to go

	form form
}
