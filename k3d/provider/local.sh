#!/usr/bin/env bash
# The clusters of the playground without Docker: real control planes, kubelets and containerd
# on this machine, each in a network namespace of its own (hack/sites, which says what it lacks).
#
#   check | up | down | load-images | stop CLUSTER | start CLUSTER
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

check() {
  [ "$(uname -s)" = Linux ] || die "PROVIDER=local needs Linux, whose network namespaces it uses; try PROVIDER=k3d"
  [ "$(id -u)" = 0 ] ||
    die "PROVIDER=local needs root, for network namespaces and containers: sudo make … PROVIDER=local"
  [ -e "$kubeconfig" ] || ports_free
}

# sites VERB ARG…: the command that up leaves beside the clusters, or its source.
sites() {
  local verb=$1
  shift
  if [ -x "$PLAYGROUND/bin/sites" ]; then
    "$PLAYGROUND/bin/sites" "$verb" --dir "$PLAYGROUND" "$@"
  else
    "$GO" run ./hack/sites "$verb" --dir "$PLAYGROUND" "$@"
  fi
}

# publish PORT CLUSTER ADDRESS:PORT PROTOCOL…: a port of this machine that leads to one of a cluster.
publish() {
  local from="$HOST_IP:$1" to="$2:$3" protocol
  shift 3
  for protocol; do
    publish+=(--publish "$from=$to/$protocol")
  done
}

up() {
  local all=edgedns c i net
  publish=()
  publish "$EDGE_PORT" edgedns 10.99.1.1:30053 udp tcp
  for c in $(clusters); do
    i=$(($(index "$c") - 1)) net=10.99.$(($(index "$c") + 1)) all+=,$c
    publish $((DNS_PORT + i)) "$c" "$net.1:30053" udp tcp
    publish $((HTTP_PORT + i)) "$c" "$net.11:80" tcp
    publish $((PROMETHEUS_PORT + i)) "$c" "$net.1:30090" tcp
  done
  "$GO" run ./hack/sites up --dir "$PLAYGROUND" --clusters "$all" --context-prefix k3d- "${publish[@]}"
}

down() {
  [ ! -e "$PLAYGROUND" ] || sites down
}

# Nothing is pulled here: every image is made on this machine.
load_images() {
  sites image "$IMAGES"/{meridian,podinfo,bind,dnstools,prometheus}.tar
}

case ${1:-} in
check | up | down) "$1" ;;
load-images) load_images ;;
stop | start)
  known "${2:?which cluster}"
  sites "$1" "$2"
  ;;
*) die "usage: $0 check | up | down | load-images | stop CLUSTER | start CLUSTER" ;;
esac
