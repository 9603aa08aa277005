#!/bin/bash
# update.sh 1.36.3 3.6.8: pins these versions of Kubernetes and etcd in go.mod.
# Take the etcd version that Kubernetes' own go.mod has (this script prints it).
# Kubernetes' modules are only consistent with one replace line for each module of
# its staging folder, so the list of them is read from its go.mod.
set -euo pipefail
cd "$(dirname "$0")"
export GOFLAGS='' GOWORK=off
kubernetes=${1:?usage: update.sh KUBERNETES ETCD, such as 1.36.3 3.6.8}
etcd=${2:?usage: update.sh KUBERNETES ETCD, such as 1.36.3 3.6.8}

upstream=$(go mod download -json "k8s.io/kubernetes@v$kubernetes" | sed -n 's/.*"GoMod": "\(.*\)",/\1/p')
echo "Kubernetes $kubernetes is made with:$(grep 'go.etcd.io/etcd/client/v3' "$upstream")"
staging=$(sed -n 's/^\t\(k8s\.io\/[a-z-]*\) => .*/\1/p' "$upstream")

sed -e '/^replace (/,/^)/d' \
  -e "s/^\tk8s\.io\/kubernetes v.*/\tk8s.io\/kubernetes v$kubernetes/" \
  -e "s/^\tgo\.etcd\.io\/etcd\/server\/v3 v.*/\tgo.etcd.io\/etcd\/server\/v3 v$etcd/" \
  -e "s/^\t\(k8s\.io\/[a-z-]*\) v0\.[1-9].*/\1 v0.${kubernetes#1.}/" go.mod > go.mod.new
{
  cat go.mod.new
  echo "replace ("
  for module in $staging; do
    echo "	$module => $module v0.${kubernetes#1.}"
  done
  echo ")"
} > go.mod
rm go.mod.new
go mod tidy
