package v1alpha1

import (
	"encoding/json"
	"fmt"
)

// A Percent is a number from 0 to 100 with at most one decimal, with or without its sign: 1, 12.5 or "12.5%".
//
// +kubebuilder:validation:XIntOrString
// +kubebuilder:validation:Type=number
// +kubebuilder:validation:Minimum=0
// +kubebuilder:validation:Maximum=100
// +kubebuilder:validation:Pattern=`^ *0*(100(\.0+)?|[0-9]{1,2}(\.[0-9]0*)?) *%?$`
type Percent string

// UnmarshalJSON reads a number or a string.
func (p *Percent) UnmarshalJSON(data []byte) error { return numberOrText(data, (*string)(p)) }

// An Amount is how much of a target: a Percent with its sign ("50%"), rounded up to whole replicas, or a number of
// replicas (3).
//
// +kubebuilder:validation:XIntOrString
// +kubebuilder:validation:Type=number
// +kubebuilder:validation:Minimum=1
// +kubebuilder:validation:Maximum=1000000
// +kubebuilder:validation:Pattern=`^ *0*([1-9][0-9]{0,6}|(100(\.0+)?|[0-9]{1,2}(\.[0-9]0*)?) *%)$`
type Amount string

// UnmarshalJSON reads a number or a string.
func (a *Amount) UnmarshalJSON(data []byte) error { return numberOrText(data, (*string)(a)) }

// A Duration is written as Go does: "500ms", "90s", "1h30m". A bare number is refused, because nobody could know its unit.
//
// +kubebuilder:validation:MaxLength=64
// +kubebuilder:validation:Pattern=`^(0|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+)$`
type Duration string

func numberOrText(data []byte, into *string) error {
	var n json.Number
	if json.Unmarshal(data, &n) == nil {
		*into = n.String()
		return nil
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("read quantity %s: want a number or a string", data)
	}
	return nil
}
