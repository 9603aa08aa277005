{{/* Names and labels. */}}

{{- define "meridian.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Name of the objects: the release's, with the chart's in it. */}}
{{- define "meridian.fullname" -}}
{{- $name := include "meridian.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "meridian.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "meridian.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* What selects the Pods; it never changes within a release. */}}
{{- define "meridian.selectorLabels" -}}
app.kubernetes.io/name: {{ include "meridian.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: server
{{- end }}

{{- define "meridian.labels" -}}
{{- $labels := dict
  "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
  "app.kubernetes.io/name" (include "meridian.name" .)
  "app.kubernetes.io/instance" .Release.Name
  "app.kubernetes.io/version" .Chart.AppVersion
  "app.kubernetes.io/managed-by" .Release.Service }}
{{- toYaml (mergeOverwrite $labels .Values.commonLabels) }}
{{- end }}

{{- define "meridian.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}
{{- end }}

{{/* The Secrets of the keys, by the name that the Pod mounts. */}}
{{- define "meridian.edgeSecret" -}}
{{- default (printf "%s-edge-tsig" (include "meridian.fullname" .)) .Values.edge.tsig.existingSecret }}
{{- end }}
{{- define "meridian.peersSecret" -}}
{{- default (printf "%s-peers-tsig" (include "meridian.fullname" .)) .Values.peers.tsig.existingSecret }}
{{- end }}

{{- define "meridian.edgeKeyName" -}}
{{- default (printf "meridian-%s" (lower .Values.geoTag)) .Values.edge.tsig.name }}
{{- end }}

{{/*
Whether our CustomResourceDefinitions come with the release. kubectl takes the group that
sorts first for `get gslb`, which would be ours, so they stay away where k8gb's are until
somebody wants them; those that somebody else installed stay as they are.
*/}}
{{- define "meridian.installsKinds" -}}
{{- $install := .Values.crds.install }}
{{- if kindIs "bool" $install }}
{{- if $install }}yes{{ end }}
{{- else }}
{{- $have := lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" "gslbs.gslb.meridian.dev" }}
{{- $theirs := or (.Capabilities.APIVersions.Has "k8gb.io/v1beta1/Gslb") (.Capabilities.APIVersions.Has "k8gb.absa.oss/v1beta1/Gslb") }}
{{- if $have }}
{{- if eq (dig "metadata" "annotations" "meta.helm.sh/release-name" "" $have) .Release.Name }}yes{{ end }}
{{- else if not $theirs }}yes{{ end }}
{{- end }}
{{- end }}
