// Package netns is the cluster's network: one named network namespace with a bridge that bears the node's address.
//
// Everything that talks to the cluster is started or dials inside. The namespace has no way out, so two clusters use
// the same addresses side by side. Only the network is entered: `ip netns exec` also remounts /sys, which hides the
// control groups from the kubelet.
package netns
