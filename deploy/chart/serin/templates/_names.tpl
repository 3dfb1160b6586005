{{- define "serin.name" -}}
{{- if contains "serin" .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}{{ else }}{{ printf "%s-serin" (.Release.Name | trunc 46 | trimSuffix "-") }}{{ end -}}
{{- end -}}

{{- define "serin.account" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "serin.name" .) }}
{{- else }}{{ required "serviceAccount.name is needed when serviceAccount.create is false" .Values.serviceAccount.name }}{{ end -}}
{{- end -}}

{{- define "serin.image" -}}
{{- .Values.image.repository }}{{ if not .Values.image.digest }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ else }}@{{ .Values.image.digest }}{{ end -}}
{{- end -}}

{{- define "serin.selector" -}}
app.kubernetes.io/name: serin
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller
{{- end -}}

{{- define "serin.labels" -}}
{{ include "serin.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "serin.subject" -}}
- kind: ServiceAccount
  name: {{ include "serin.account" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}
