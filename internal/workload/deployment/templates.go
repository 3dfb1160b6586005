package deployment

import (
	"encoding/json"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/types"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/config"
	"serin.dev/serin/internal/cluster/pod"
	"serin.dev/serin/internal/plan"
)

// Templates remember what is made of templates again and again, in every round.
type templates struct {
	read    *cluster.Memo[pod.Template]    // by user's Deployment and generation
	texts   *cluster.Memo[json.RawMessage] // by user's Deployment, generation and configuration
	decoded *cluster.Memo[*Template]       // by pool and text
}

func newTemplates() templates {
	return templates{cluster.NewMemo[pod.Template](), cluster.NewMemo[json.RawMessage](), cluster.NewMemo[*Template]()}
}

// of reads the template of a Deployment.
func (m templates) of(d *appsv1.Deployment) (pod.Template, error) {
	return m.read.Of(d.UID, generation(d), func() (pod.Template, error) { return pod.Read(d.Spec.Template, d.Name) })
}

// text is the template of a Deployment as releases keep it.
func (m templates) text(d *appsv1.Deployment, current []config.Source) (json.RawMessage, error) {
	return m.texts.Of(d.UID, generation(d)+" "+config.Digest(current), func() (json.RawMessage, error) {
		return json.Marshal(Template{Pod: plain(d.Spec.Template), Config: current})
	})
}

// decode reads the template that a release keeps. What is read is shared: change nothing in it.
func (m templates) decode(target string, pool plan.PoolName, text json.RawMessage) (*Template, error) {
	return m.decoded.Of(types.UID(target+" "+string(pool)), string(text), func() (*Template, error) { return decode(text) })
}

// generation counts up with every change of what is asked for, the template among it.
func generation(d *appsv1.Deployment) string { return strconv.FormatInt(d.Generation, 10) }
