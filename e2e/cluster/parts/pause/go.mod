module serin.dev/serin/e2e/cluster/parts/pause

go 1.26.0
