{{/* What the controller itself needs, in every namespace it watches. */}}
{{- define "serin.rules.core" -}}
- apiGroups: [serin.dev]
  resources: [canaries]
  verbs: [get, list, watch, patch, update]
- apiGroups: [serin.dev]
  resources: [canaries/status, canaries/finalizers]
  verbs: [patch, update]
- apiGroups: [serin.dev]
  resources: [releases]
  verbs: [get, list, watch, create, patch, update, delete]
- apiGroups: [serin.dev]
  resources: [releases/status]
  verbs: [patch, update]
- apiGroups: [serin.dev]
  resources: [actions]
  verbs: [get, list, watch, delete]
- apiGroups: [serin.dev]
  resources: [actions/status]
  verbs: [patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
- apiGroups: [""] # is the namespace going? then nothing holds it up
  resources: [namespaces]
  verbs: [get]
- apiGroups: [""] # pods of targets: are they ready, and what do they say of themselves
  resources: [pods]
  verbs: [list, watch]
{{- end -}}

{{/* What the enabled modules need besides: files/rules.yaml is written from their drivers. */}}
{{- define "serin.rules" -}}
{{- $written := .Files.Get "files/rules.yaml" | fromYaml -}}
{{ include "serin.rules.core" . }}
{{- range $kind := list "routers" "workloads" }}
{{- range $name, $on := get $.Values $kind }}
{{- with and $on (dig $kind $name "" $written) }}
# {{ $kind }}.{{ $name }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Modules that are off, in the words of the command line: router/istio,workload/DaemonSet */}}
{{- define "serin.without" -}}
{{- $off := list }}
{{- range $name, $on := .Values.routers }}{{ if not $on }}{{ $off = append $off (printf "router/%s" $name) }}{{ end }}{{ end }}
{{- range $name, $on := .Values.workloads }}{{ if not $on }}{{ $off = append $off (printf "workload/%s" (title $name)) }}{{ end }}{{ end }}
{{- range $name, $on := .Values.metrics }}{{ if not $on }}{{ $off = append $off (printf "metric/%s" $name) }}{{ end }}{{ end }}
{{- join "," $off }}
{{- end -}}
