#!/usr/bin/env bash
# The clusters of the playground as k3d clusters: k3s in Docker containers, on one Docker network.
#
#   check | up | down | load-images | stop CLUSTER | start CLUSTER
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

export K3S_IMAGE=${K3S_IMAGE:-docker.io/rancher/k3s:v1.35.1-k3s1}
export NETWORK=${NETWORK:-meridian-playground}

check() {
  command -v docker >/dev/null ||
    die "docker is not installed. k3d runs clusters in its containers; without it try PROVIDER=local (Linux, root)"
  docker info >/dev/null 2>&1 ||
    die "no Docker engine answers (docker info says why). Start it, or try PROVIDER=local (Linux, root)"
  command -v k3d >/dev/null || die "k3d is not installed: see https://k3d.io, or try PROVIDER=local (Linux, root)"
  exists edgedns || ports_free
}

exists() { k3d cluster list "$1" >/dev/null 2>&1; }

# config CLUSTER: writes its configuration for k3d, and says where.
config() {
  local file=$PLAYGROUND/k3d/$1.yaml i=0 from=edgedns.yaml
  if [ "$1" != edgedns ]; then
    i=$(($(index "$1") - 1)) from=test-gslb.yaml
  fi
  mkdir -p "$PLAYGROUND/k3d"
  sed -e "s|\${K3S_IMAGE}|$K3S_IMAGE|; s|\${NETWORK}|$NETWORK|; s|\${HOST_IP}|$HOST_IP|" \
    -e "s|\${EDGE_PORT}|$EDGE_PORT|; s|\${CLUSTER}|$1|; s|\${INDEX}|$((i + 1))|" \
    -e "s|\${DNS_PORT}|$((DNS_PORT + i))|; s|\${HTTP_PORT}|$((HTTP_PORT + i))|" \
    -e "s|\${HTTPS_PORT}|$((HTTPS_PORT + i))|; s|\${PROMETHEUS_PORT}|$((PROMETHEUS_PORT + i))|" \
    "$here/clusters/$from" >"$file"
  echo "$file"
}

up() {
  local c
  for c in edgedns $(clusters); do
    if exists "$c"; then
      k3d cluster start "$c"
    else
      k3d cluster create --config "$(config "$c")"
    fi
  done
  # shellcheck disable=SC2046 # one word each
  k3d kubeconfig merge edgedns $(clusters) --output "$kubeconfig" --kubeconfig-switch-context=false >/dev/null
}

down() {
  local c
  for c in edgedns $(clusters); do
    if exists "$c"; then k3d cluster delete "$c"; fi
  done
}

# The other images are pulled by the nodes.
load_images() {
  local c
  for c in $(clusters); do
    k3d image import "$IMAGES/meridian.tar" --cluster "$c"
  done
}

case ${1:-} in
check | up | down) "$1" ;;
load-images) load_images ;;
stop | start)
  known "${2:?which cluster}"
  k3d cluster "$1" "$2"
  ;;
*) die "usage: $0 check | up | down | load-images | stop CLUSTER | start CLUSTER" ;;
esac
