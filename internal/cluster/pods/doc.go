// Package pods reads pods for the workloads that run them: where one answers, whether it can serve, and why not in plain
// words. Its functions are pure; pods that are handed in are not changed.
package pods
