#!/usr/bin/env bash
# Regenerates what is generated: deep copies, CRDs, field, flag and metric tables
# of the docs. The result is the same on every machine.
set -euo pipefail
cd "$(dirname "$0")/.."
go tool -modfile=hack/tools/go.mod controller-gen object:headerFile=hack/tools/header.txt crd paths=./api/v1beta1 \
  output:crd:dir=api/v1beta1/crds output:object:dir=api/v1beta1
for package in k8gb k8gb/absa; do
  go tool -modfile=hack/tools/go.mod controller-gen object:headerFile=hack/tools/header.txt crd "paths=./api/$package" \
    output:crd:dir=api/k8gb/crds "output:object:dir=api/$package"
done
for package in gke istio smi; do
  go tool -modfile=hack/tools/go.mod controller-gen object:headerFile=hack/tools/header.txt "paths=./api/$package" \
    "output:object:dir=api/$package"
done
go run ./api/internal/gendocs/cmd
go test ./cmd/meridian -run "TestConfigurationPage|TestMetricsPage" -count=1 -update
