#!/usr/bin/env bash
# Releases a good and a bad version of podinfo on the cluster that `make cluster` started, under load: what `make demo` shows on
# one machine. serin is installed by its chart, as a user would. Ends well only if the good version was promoted, the bad one
# rolled back, and no request failed but those that the bad version answered itself.
set -euo pipefail
cd "$(dirname "$0")/.."

cluster() { bin/cluster run -- "$@"; }
say() { printf '\n== %s\n' "$*"; }

say "images: serin, and podinfo three times"
bin/cluster load serin/serin:demo --oci bin/image.tar >/dev/null
podinfo="$(bin/cluster build podinfo)/podinfo"
for tag in 6.9.2 6.9.3 6.9.4; do bin/cluster load "stefanprodan/podinfo:$tag=$podinfo" >/dev/null; done

say "helm install"
cluster kubectl create namespace shop --dry-run=client -o yaml | cluster kubectl apply -f - >/dev/null
cluster helm upgrade --install --take-ownership serin deploy/chart/serin --namespace serin-system --create-namespace --wait --timeout 3m \
  --set image.repository=registry.local/serin/serin --set image.tag=demo --set 'namespaces={shop}' >/dev/null 2>"$PWD/bin/helm.log" ||
  { cat bin/helm.log; exit 1; }
cluster kubectl get pods --namespace serin-system

say "podinfo, and its Canary"
cluster kubectl apply -f examples/cluster/podinfo.yaml
cluster kubectl wait canary/podinfo --namespace shop --for=condition=Ready --timeout=2m

load="$(mktemp)"
bin/cluster run -- bin/serin loadtest --rate 100 --duration 10m -H 'Host: podinfo.example.com' http://10.98.0.80/version >"$load" 2>&1 &
loadtest=$!
trap 'kill "$loadtest" 2>/dev/null || true; rm -f "$load"' EXIT

say "a good version"
cluster kubectl set image deployment/podinfo podinfo=ghcr.io/stefanprodan/podinfo:6.9.3 --namespace shop
cluster bin/serin wait podinfo --namespace shop --for=completed --revision 6.9.3 --timeout 5m
cluster bin/serin get podinfo --namespace shop
say "users meanwhile"
kill -INT "$loadtest" && wait "$loadtest" || true
cat "$load"
grep -q ' 0 failed' "$load" || { echo "requests failed while a good version was released"; exit 1; }

say "a bad version: one in three answers is an error"
bin/cluster run -- bin/serin loadtest --rate 100 --duration 10m -H 'Host: podinfo.example.com' http://10.98.0.80/version >"$load" 2>&1 &
loadtest=$!
cluster kubectl patch deployment podinfo --namespace shop --type=json -p \
  '[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"ghcr.io/stefanprodan/podinfo:6.9.4"},
    {"op":"replace","path":"/spec/template/spec/containers/0/args","value":["--port=9898","--random-error"]}]'
status=0
cluster bin/serin wait podinfo --namespace shop --for=completed --revision 6.9.4 --timeout 5m || status=$?
cluster bin/serin explain podinfo --namespace shop
[ "$status" = 1 ] || { echo "the bad version was not rolled back (wait ended with $status)"; exit 1; }
say "users meanwhile"
kill -INT "$loadtest" && wait "$loadtest" || true
cat "$load"

say "hands off"
cluster kubectl patch deployment podinfo --namespace shop --type=json -p \
  '[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"ghcr.io/stefanprodan/podinfo:6.9.3"},
    {"op":"replace","path":"/spec/template/spec/containers/0/args","value":["--port=9898"]}]'
cluster bin/serin eject podinfo --namespace shop
cluster kubectl get deployment,httproute --namespace shop
