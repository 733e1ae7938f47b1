{{- define "fleetscope.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "fleetscope.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "fleetscope.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "fleetscope.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "fleetscope.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "fleetscope.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "fleetscope.selectorLabels" -}}
app.kubernetes.io/name: {{ include "fleetscope.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "fleetscope.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "fleetscope.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: observability
app.kubernetes.io/part-of: fleetscope
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "fleetscope.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* Where a credential lies: `nats.creds_file` is /run/secrets/fleetscope/nats.creds_file/<key of the Secret>. */}}
{{- define "fleetscope.credentialPath" -}}
{{- printf "/run/secrets/fleetscope/%s/%s" .name .credential.key }}
{{- end }}

{{/* The configuration in force, as a map: what the chart knows, then .Values.config, then the credentials' paths. */}}
{{- define "fleetscope.config" -}}
{{- $config := dict
      "http" (dict "listen" "0.0.0.0:8080")
      "journal" (dict "path" "/var/lib/fleetscope/journal")
      "log" (dict "format" "json") }}
{{- with .Values.kubernetes.namespaces }}
{{- $_ := set $config "kubernetes" (dict "namespaces" . "rayjobs" $.Values.kubernetes.features.ray) }}
{{- end }}
{{- $config = mergeOverwrite $config (deepCopy .Values.config) }}
{{- range $name, $credential := .Values.credentials }}
{{- $parts := splitList "." $name }}
{{- $section := get $config (first $parts) | default dict }}
{{- $_ := set $section (last $parts) (include "fleetscope.credentialPath" (dict "name" $name "credential" $credential)) }}
{{- if eq $name "alerts.ingest_token_file" }}
{{- $_ := set $section "ingest" true }}
{{- end }}
{{- $_ := set $config (first $parts) $section }}
{{- end }}
{{- toJson $config }}
{{- end }}

{{/* The same as TOML. A JSON scalar or array of scalars is one of TOML too. */}}
{{- define "fleetscope.toml" -}}
{{- range $section, $keys := include "fleetscope.config" . | fromJson }}
[{{ $section }}]
{{- range $key, $value := $keys }}
{{ $key }} = {{ $value | toJson }}
{{- end }}
{{ end }}
{{- end }}

{{- define "fleetscope.scheme" -}}
{{- if hasKey .Values.credentials "http.tls_cert_file" }}HTTPS{{ else }}HTTP{{ end }}
{{- end }}

{{/* How to ask for a page: over HTTP, or by the daemon's own command where the page takes a token. */}}
{{- define "fleetscope.probe" -}}
{{- $http := dig "http" dict .root.Values.config }}
{{- if eq (dig "open_metrics" true $http) true -}}
httpGet:
  path: {{ .path }}
  port: http
  scheme: {{ include "fleetscope.scheme" .root }}
{{- else -}}
exec:
  command: [/usr/local/bin/fleetscope, ready, --config, /etc/fleetscope/fleetscope.toml]
{{- end }}
{{- end }}
