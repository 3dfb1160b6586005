module serin.dev/serin/e2e/cluster/parts/podinfo

go 1.26.0

tool (
	github.com/stefanprodan/podinfo/cmd/podcli
	github.com/stefanprodan/podinfo/cmd/podinfo
)

require github.com/stefanprodan/podinfo v1.8.1-0.20250910200901-e86405a8674e
