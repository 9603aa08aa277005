{{/* The Pod, the same for Deployment and DaemonSet. */}}

{{- define "meridian.pod" -}}
metadata:
  labels:
    {{- include "meridian.selectorLabels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # The process reads its file once; keys are read again when they change.
    checksum/config: {{ include "meridian.config" . | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "meridian.serviceAccountName" . }}
  automountServiceAccountToken: true
  # Variables of Services could be taken for flags, which begin with MERIDIAN_ too.
  enableServiceLinks: false
  {{- if .Values.hostNetwork }}
  hostNetwork: true
  dnsPolicy: ClusterFirstWithHostNet
  {{- end }}
  {{- with .Values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  securityContext:
    {{- include "meridian.podSecurityContext" . | nindent 4 }}
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  containers:
    - name: meridian
      image: {{ include "meridian.image" . }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args:
        - serve
        - --config=/etc/meridian/meridian.yaml
        - --dns-listen={{ include "meridian.dnsListen" . }}
        {{- if .Values.dns.tls.secretName }}
        - --dot-listen={{ include "meridian.tlsListen" . }}
        {{- end }}
        {{- with .Values.extraArgs }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- if or .Values.hostNetwork .Values.extraEnv }}
      env:
        {{- if .Values.hostNetwork }}
        - name: HOST_IP
          valueFrom:
            fieldRef:
              fieldPath: status.hostIP
        {{- end }}
        {{- with .Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
      ports:
        - name: dns-udp
          containerPort: {{ include "meridian.dnsPort" . }}
          protocol: UDP
        - name: dns-tcp
          containerPort: {{ include "meridian.dnsPort" . }}
          protocol: TCP
        {{- if .Values.dns.tls.secretName }}
        - name: dns-tls
          containerPort: {{ include "meridian.tlsPort" . }}
          protocol: TCP
        {{- end }}
        - name: metrics
          containerPort: {{ .Values.metrics.port }}
          protocol: TCP
        - name: probes
          containerPort: {{ .Values.probes.port }}
          protocol: TCP
      # No startup probe: /healthz answers before anything else is done, and goes on
      # answering while the API, peers or the edge are away, however long that is.
      livenessProbe:
        httpGet:
          path: /healthz
          port: probes
        {{- toYaml .Values.probes.liveness | nindent 8 }}
      readinessProbe:
        httpGet:
          path: /readyz
          port: probes
        {{- toYaml .Values.probes.readiness | nindent 8 }}
      securityContext:
        {{- include "meridian.securityContext" . | nindent 8 }}
      {{- with .Values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        - name: config
          mountPath: /etc/meridian
          readOnly: true
        {{- if .Values.state.enabled }}
        - name: state
          mountPath: /var/lib/meridian
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: config
      projected:
        defaultMode: 0440
        sources:
          {{- include "meridian.configSources" . | nindent 10 }}
    {{- if .Values.state.enabled }}
    - name: state
      {{- toYaml (.Values.state.volume | default (dict "emptyDir" (dict "sizeLimit" .Values.state.sizeLimit))) | nindent 6 }}
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if and .Values.topologySpreadConstraints (eq .Values.kind "Deployment") }}
  topologySpreadConstraints:
    {{- include "meridian.spread" . | nindent 4 }}
  {{- end }}
{{- end }}

{{/* One volume with the file and the keys, so that all of them are replaced at once. */}}
{{- define "meridian.configSources" -}}
{{- $sources := list (dict "configMap" (dict "name" (include "meridian.fullname" .))) }}
{{- if eq .Values.edge.provider "rfc2136" }}
{{- $sources = append $sources (include "meridian.keySource" (list (include "meridian.edgeSecret" .) "edge") | fromYaml) }}
{{- end }}
{{- $sources = append $sources (include "meridian.keySource" (list (include "meridian.peersSecret" .) "peers") | fromYaml) }}
{{- with .Values.dns.tls.secretName }}
{{- $items := list (dict "key" "tls.crt" "path" "tls/tls.crt") (dict "key" "tls.key" "path" "tls/tls.key") }}
{{- $sources = append $sources (dict "secret" (dict "name" . "items" $items)) }}
{{- end }}
{{- range $i, $k := .Values.peers.moreKeys }}
{{- $sources = append $sources (include "meridian.keySource" (list $k.existingSecret (printf "peers-%d" $i)) | fromYaml) }}
{{- end }}
{{- range $i, $k := .Values.dns.update.tsig }}
{{- $sources = append $sources (include "meridian.keySource" (list $k.existingSecret (printf "update-%d" $i)) | fromYaml) }}
{{- end }}
{{- range $i, $k := .Values.dns.transfer.tsig }}
{{- $sources = append $sources (include "meridian.keySource" (list $k.existingSecret (printf "transfer-%d" $i)) | fromYaml) }}
{{- end }}
{{- toYaml $sources }}
{{- end }}

{{- define "meridian.keySource" -}}
secret:
  name: {{ index . 0 }}
  items:
    - key: secret
      path: keys/{{ index . 1 }}
{{- end }}

{{- define "meridian.spread" -}}
{{- $constraints := list }}
{{- range .Values.topologySpreadConstraints }}
{{- $c := deepCopy . }}
{{- if not (hasKey $c "labelSelector") }}
{{- $_ := set $c "labelSelector" (dict "matchLabels" (include "meridian.selectorLabels" $ | fromYaml)) }}
{{- $_ := set $c "matchLabelKeys" (list "pod-template-hash") }}
{{- end }}
{{- $constraints = append $constraints $c }}
{{- end }}
{{- toYaml $constraints }}
{{- end }}

{{/*
Nobody's user, except where port 53 of the node itself is served: Kubernetes gives a
capability to no user but root, so the container is root there, with that single
capability and nothing else.
*/}}
{{- define "meridian.podSecurityContext" -}}
{{- $user := ternary 0 65532 (include "meridian.privilegedPort" . | eq "true") }}
{{- $c := dict
  "runAsNonRoot" (ne $user 0) "runAsUser" $user "runAsGroup" 65532 "fsGroup" 65532
  "seccompProfile" (dict "type" "RuntimeDefault") }}
{{- toYaml (mergeOverwrite $c .Values.podSecurityContext) }}
{{- end }}

{{- define "meridian.securityContext" -}}
{{- $capabilities := dict "drop" (list "ALL") }}
{{- if include "meridian.privilegedPort" . | eq "true" }}
{{- $_ := set $capabilities "add" (list "NET_BIND_SERVICE") }}
{{- end }}
{{- $c := dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true "capabilities" $capabilities }}
{{- toYaml (mergeOverwrite $c .Values.securityContext) }}
{{- end }}

{{/* In a network of its own a Pod may bind any port from 0 on with containerd and CRI-O, but the chart does not count on it. */}}
{{- define "meridian.privilegedPort" -}}
{{- and .Values.hostNetwork (or (lt (include "meridian.dnsPort" . | int) 1024) (not (empty .Values.dns.tls.secretName))) }}
{{- end }}
