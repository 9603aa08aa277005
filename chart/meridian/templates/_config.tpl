{{/* The configuration file of the process: flags by their names. */}}

{{- define "meridian.config" -}}
{{- $c := dict
  "geo-tag" (lower .Values.geoTag)
  "service" (include "meridian.fullname" .)
  "lease-name" (include "meridian.fullname" .)
  "edge-provider" .Values.edge.provider
  "entry-check" (include "meridian.entryCheck" .)
  "metrics-listen" (printf ":%v" .Values.metrics.port)
  "probe-listen" (printf ":%v" .Values.probes.port)
  "shutdown-delay" (printf "%vs" .Values.shutdownDelaySeconds)
  "log-level" .Values.logLevel
  "log-format" .Values.logFormat }}
{{- if .Values.state.enabled }}{{ $_ := set $c "state-dir" "/var/lib/meridian" }}{{ end }}
{{- with .Values.clusterId }}{{ $_ := set $c "cluster-id" . }}{{ end }}
{{- if .Values.zone }}
{{- $_ := set $c "zone" .Values.zone }}
{{- $_ := set $c "edge-zone" .Values.edgeZone }}
{{- $_ := set $c "zone-negative-ttl" (int .Values.negativeTTLSeconds) }}
{{- end }}
{{- with .Values.dns.addresses }}{{ $_ := set $c "dns-address" . }}{{ end }}
{{- with .Values.dns.rateLimit }}{{ $_ := set $c "dns-rate-limit" (int .) }}{{ end }}
{{- if .Values.dns.tls.secretName }}
{{- $_ := set $c "dot-cert-file" "/etc/meridian/tls/tls.crt" }}
{{- $_ := set $c "dot-key-file" "/etc/meridian/tls/tls.key" }}
{{- end }}
{{- with .Values.anchors }}{{ $_ := set $c "anchors" . }}{{ end }}
{{- with .Values.edge.servers }}{{ $_ := set $c "edge-dns" . }}{{ end }}
{{- if eq .Values.edge.provider "rfc2136" }}
{{- $_ := set $c "edge-tsig-key" (printf "%s:%s:/etc/meridian/keys/edge" (include "meridian.edgeKeyName" .) .Values.edge.tsig.algorithm) }}
{{- end }}
{{- with include "meridian.staticPeers" . | fromYamlArray }}{{ $_ := set $c "peers" . }}{{ end }}
{{- $keys := list (printf "%s:%s:/etc/meridian/keys/peers" .Values.peers.tsig.name .Values.peers.tsig.algorithm) }}
{{- range $i, $k := .Values.peers.moreKeys }}
{{- $key := printf "%s:%s:/etc/meridian/keys/peers-%d" $k.name (default "hmac-sha256" $k.algorithm) $i }}
{{- $keys = append $keys (empty $k.peer | ternary $key (printf "%s=%s" $k.peer $key)) }}
{{- end }}
{{- $_ := set $c "peer-tsig-key" $keys }}
{{- with .Values.dns.update.tsig }}
{{- $keys := list }}
{{- range $i, $k := . }}
{{- $key := printf "%s:%s:/etc/meridian/keys/update-%d" $k.name (default "hmac-sha256" $k.algorithm) $i }}
{{- $keys = append $keys (empty $k.scopes | ternary $key (printf "%s=%s" (join "," $k.scopes) $key)) }}
{{- end }}
{{- $_ := set $c "update-tsig-key" $keys }}
{{- end }}
{{- with .Values.dns.transfer.tsig }}
{{- $keys := list }}
{{- range $i, $k := . }}
{{- $keys = append $keys (printf "%s:%s:/etc/meridian/keys/transfer-%d" $k.name (default "hmac-sha256" $k.algorithm) $i) }}
{{- end }}
{{- $_ := set $c "transfer-tsig-key" $keys }}
{{- end }}
{{- with .Values.dns.transfer.allow }}{{ $_ := set $c "transfer-allow" . }}{{ end }}
{{- with .Values.dns.transfer.notify }}{{ $_ := set $c "notify" . }}{{ end }}
{{- toYaml (mergeOverwrite $c .Values.config) }}
{{- end }}

{{- define "meridian.entryCheck" -}}
{{- if kindIs "bool" .Values.entryCheck }}{{ ternary "on" "off" .Values.entryCheck }}{{ else }}{{ .Values.entryCheck }}{{ end }}
{{- end }}

{{/* TAG=HOST:PORT for each address of each peer, in order of the tags. */}}
{{- define "meridian.staticPeers" -}}
{{- $peers := list }}
{{- range $tag, $at := .Values.peers.static }}
{{- range (kindIs "slice" $at | ternary $at (list $at)) }}
{{- $peers = append $peers (printf "%s=%s" $tag .) }}
{{- end }}
{{- end }}
{{- toYaml $peers }}
{{- end }}

{{/* Where DNS is served, as an argument: it may name an address of the node. */}}
{{- define "meridian.dnsListen" -}}
{{- if .Values.dns.listen }}{{ join "," .Values.dns.listen }}
{{- else if .Values.hostNetwork }}$(HOST_IP):53
{{- else }}:5353{{ end }}
{{- end }}

{{/* Where DNS over TLS is served; no other port is needed than that of the Service. */}}
{{- define "meridian.tlsPort" -}}
{{ ternary 853 8853 .Values.hostNetwork }}
{{- end }}
{{- define "meridian.tlsListen" -}}
{{ if .Values.hostNetwork }}$(HOST_IP){{ end }}:{{ include "meridian.tlsPort" . }}
{{- end }}

{{/* The port behind it. */}}
{{- define "meridian.dnsPort" -}}
{{- regexFind "[0-9]+$" (include "meridian.dnsListen" . | splitList "," | first) }}
{{- end }}
