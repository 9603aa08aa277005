{{/*
What a schema cannot judge, since it takes several values together, or would judge
with words that nobody understands.
*/}}

{{- define "meridian.validate" -}}
{{- $v := .Values }}
{{- if not $v.geoTag }}
{{- fail "geoTag is required: the name of this cluster within the zone, like eu (--set geoTag=eu)" }}
{{- end }}
{{- include "meridian.validateTag" (list "geoTag" $v.geoTag) }}
{{- include "meridian.validateZone" . }}
{{- include "meridian.validateEdge" . }}
{{- include "meridian.validatePeers" . }}
{{- include "meridian.validateGlue" . }}
{{- include "meridian.validateConfig" . }}
{{- if and $v.metrics.serviceMonitor.enabled (not $v.metrics.service.enabled) }}
{{- fail "metrics.serviceMonitor.enabled needs the Service that it selects: leave metrics.service.enabled at true" }}
{{- end }}
{{- if lt (int $v.terminationGracePeriodSeconds) (add $v.shutdownDelaySeconds 10 | int) }}
{{- fail (printf "terminationGracePeriodSeconds %v is too short: shutdownDelaySeconds (%v) and 10 s to tell the peers must fit into it" $v.terminationGracePeriodSeconds $v.shutdownDelaySeconds) }}
{{- end }}
{{- end }}

{{- define "meridian.validateTag" -}}
{{- $tag := index . 1 }}
{{- if or (hasPrefix "-" $tag) (hasSuffix "-" $tag) }}
{{- fail (printf "%s: %q is not a geo tag: 1 to 40 letters, digits and hyphens, with a letter or digit at both ends, like eu or us-east-1" (index . 0) $tag) }}
{{- end }}
{{- end }}

{{- define "meridian.validateZone" -}}
{{- $zone := .Values.zone | lower | trimSuffix "." }}
{{- $edge := .Values.edgeZone | lower | trimSuffix "." }}
{{- range $key, $name := dict "zone" $zone "edgeZone" $edge }}
{{- if and $name (not (regexMatch "^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$" $name)) }}
{{- fail (printf "%s: %q is not the name of a zone, like cloud.example.com" $key $name) }}
{{- end }}
{{- end }}
{{- if and $zone (not $edge) }}
{{- fail (printf "edgeZone is missing beside zone %s: write its parent zone, where the delegation lives" $zone) }}
{{- end }}
{{- if and $edge (not $zone) }}
{{- fail (printf "zone is missing beside edgeZone %s: write the zone below it that is load-balanced, like cloud.%s" $edge $edge) }}
{{- end }}
{{- if and $zone (not (hasSuffix (printf ".%s" $edge) $zone)) }}
{{- fail (printf "zone %s does not lie below edgeZone %s: it must, like cloud.%s" $zone $edge $edge) }}
{{- end }}
{{- end }}

{{/* The port of an address, if it has one. */}}
{{- define "meridian.portOf" -}}
{{- regexFind "(]|^[^:]*):[0-9]+$" . | regexFind "[0-9]+$" }}
{{- end }}

{{/* Takes the name of a value and an address, HOST or HOST:PORT. */}}
{{- define "meridian.validateHostPort" -}}
{{- $right := regexMatch "^([A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?(:[0-9]{1,5})?|\\[[0-9A-Fa-f:.]+\\]:[0-9]{1,5}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$" (index . 1) }}
{{- with include "meridian.portOf" (index . 1) }}
{{- if or (lt (int .) 1) (gt (int .) 65535) }}{{ $right = false }}{{ end }}
{{- end }}
{{- if not $right }}
{{- fail (printf "%s: %q is not HOST or HOST:PORT, like 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:53" (index . 0) (index . 1)) }}
{{- end }}
{{- end }}

{{- define "meridian.validateEdge" -}}
{{- $edge := .Values.edge }}
{{- if and (eq $edge.provider "rfc2136") (empty $edge.servers) }}
{{- fail "edge.servers is required with edge.provider rfc2136: the server of the edge zone that takes updates, like 192.0.2.53 (or set edge.provider to none and write the delegation by hand)" }}
{{- end }}
{{- if and .Values.externaldns.enabled (ne $edge.provider "externaldns") }}
{{- fail (printf "externaldns.enabled: ExternalDNS would have nothing to do with edge.provider %s; set edge.provider to externaldns" $edge.provider) }}
{{- end }}
{{- range $edge.servers }}{{ include "meridian.validateHostPort" (list "edge.servers" .) }}{{ end }}
{{- range .Values.anchors }}{{ include "meridian.validateHostPort" (list "anchors" .) }}{{ end }}
{{- end }}

{{- define "meridian.validatePeers" -}}
{{- range $what, $tsig := dict "edge.tsig" .Values.edge.tsig "peers.tsig" .Values.peers.tsig }}
{{- if and $tsig.secret $tsig.existingSecret }}
{{- fail (printf "%s: secret and existingSecret are both set; keep one of them" $what) }}
{{- end }}
{{- end }}
{{- range $tag, $at := .Values.peers.static }}
{{- include "meridian.validateTag" (list "peers.static" $tag) }}
{{- if eq (lower $tag) (lower $.Values.geoTag) }}
{{- fail (printf "peers.static: %s is this cluster itself; list the others only" $tag) }}
{{- end }}
{{- range (kindIs "slice" $at | ternary $at (list $at)) }}
{{- include "meridian.validateHostPort" (list (printf "peers.static.%s" $tag) .) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "meridian.validateGlue" -}}
{{- $v := .Values }}
{{- range $v.dns.addresses }}
{{- if not (regexMatch "^(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(\\.(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])){3}$|:.*:" .) }}
{{- fail (printf "dns.addresses: %q is not an address, like 203.0.113.10 or 2001:db8::10" .) }}
{{- end }}
{{- end }}
{{- if and $v.dns.transfer.notify (empty $v.dns.transfer.tsig) (empty $v.dns.transfer.allow) }}
{{- fail "dns.transfer.notify: nobody may transfer what is told of; set dns.transfer.tsig, or dns.transfer.allow" }}
{{- end }}
{{- if and (ne $v.service.type "LoadBalancer") (empty $v.dns.addresses) (ne $v.edge.provider "none") }}
{{- fail (printf "dns.addresses is required with service.type %s: only the status of a LoadBalancer tells the addresses that go into the glue; write those at which port 53 of this cluster is reached" $v.service.type) }}
{{- end }}
{{- end }}

{{- define "meridian.validateConfig" -}}
{{- $owned := dict
  "geo-tag" "geoTag" "cluster-id" "clusterId" "zone" "zone" "edge-zone" "edgeZone" "zone-negative-ttl" "negativeTTLSeconds"
  "dns-rate-limit" "dns.rateLimit" "dot-listen" "dns.tls" "dot-cert-file" "dns.tls" "dot-key-file" "dns.tls" "update-tsig-key" "dns.update.tsig"
  "state-dir" "state" "transfer-tsig-key" "dns.transfer.tsig" "transfer-allow" "dns.transfer.allow" "notify" "dns.transfer.notify"
  "dns-listen" "dns.listen" "dns-address" "dns.addresses" "service" "fullnameOverride" "lease-name" "fullnameOverride"
  "edge-provider" "edge.provider" "edge-dns" "edge.servers" "edge-tsig-key" "edge.tsig" "anchors" "anchors"
  "peers" "peers.static" "peer-tsig-key" "peers.tsig" "entry-check" "entryCheck"
  "metrics-listen" "metrics.port" "probe-listen" "probes.port" "log-level" "logLevel" "log-format" "logFormat" "shutdown-delay" "shutdownDelaySeconds" }}
{{- range $flag, $_ := .Values.config }}
{{- with get $owned $flag }}
{{- fail (printf "config.%s: this flag has a value of its own; set %s" $flag .) }}
{{- end }}
{{- end }}
{{- end }}
