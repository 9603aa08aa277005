{{/*
A TSIG Secret of ours. Takes a dict of root, name, secret (the value, may be empty).

  value | in the cluster     | rendered
  ------+--------------------+---------------------------------------------
  set   | –                  | the value
  –     | ours               | what it holds: kept over upgrades
  –     | somebody else's    | nothing: it is used as it is
  –     | absent             | a new random secret
  –     | no cluster at hand | nothing (helm template, dry run of a client):
        |                    | a random one would differ each time

The namespace kube-system tells whether there is a cluster; whoever installs the chart
can read it, since the chart grants that.
*/}}
{{- define "meridian.tsigSecret" -}}
{{- $there := lookup "v1" "Secret" .root.Release.Namespace .name }}
{{- $data := "" }}
{{- if .secret }}
{{- $data = b64enc (trim .secret) }}
{{- else if $there }}
{{- if eq .root.Release.Name (dig "metadata" "annotations" "meta.helm.sh/release-name" "" $there) }}
{{- $data = dig "data" "secret" "" $there }}
{{- end }}
{{- else if lookup "v1" "Namespace" "" "kube-system" }}
{{- $data = randBytes 32 | b64enc }}
{{- end }}
{{- if $data }}
---
apiVersion: v1
kind: Secret
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "meridian.labels" .root | nindent 4 }}
type: Opaque
data:
  secret: {{ $data }}
{{- end }}
{{- end }}
