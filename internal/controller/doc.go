// Package controller releases on a cluster: it is to Canary objects and an API server what package standalone is to files,
// and as thin. It reads a Canary, describes its target, lets the loop bring and advance the release, and says in the
// Canary's status what came of it. It serves numbers 1, 5 and 10 of the walk in ARCHITECTURE.md.
//
// One Canary is handled by one worker at a time; the work queue sees to it. A Canary whose target is settled is not looked
// at again until one of the objects it is made of changes (asleep), and those with a release under way go first.
//
// What people want arrives as Action objects and is heard exactly once: an act carries the uid of its Action.
package controller
