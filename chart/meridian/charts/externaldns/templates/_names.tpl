{{- define "externaldns.fullname" -}}
{{- printf "%s-externaldns" (contains "meridian" .Release.Name | ternary .Release.Name (printf "%s-meridian" .Release.Name) | trunc 51 | trimSuffix "-") }}
{{- end }}

{{- define "externaldns.selectorLabels" -}}
app.kubernetes.io/name: externaldns
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "externaldns.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{ include "externaldns.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}
