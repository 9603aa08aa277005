#!/usr/bin/env bash
# Runs every target of the playground once, as a user would, looks at what it did, and leaves
# nothing behind: PROVIDER=local k3d/test-all.sh (CLUSTERS_NUMBER=2).
# Each step ends with a line "--- PASS: NAME (SECONDS s)", or the run ends with "--- FAIL: …".
set -euo pipefail
export PROVIDER=${PROVIDER:-local} CLUSTERS_NUMBER=${CLUSTERS_NUMBER:-2}
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[ "$CLUSTERS_NUMBER" -ge 2 ] || die "a failover needs CLUSTERS_NUMBER=2 or more"
[ ! -s "$PLAYGROUND/clusters" ] || die "there is a playground already: make destroy-full-local-setup PROVIDER=$PROVIDER"

step=
out=$(mktemp)
ended() {
  local status=$?
  rm -f "$out"
  [ $status -eq 0 ] || echo "--- FAIL: $step"
  [ -n "${KEEP:-}" ] || make -s destroy-full-local-setup >/dev/null 2>&1 || echo "the playground could not be destroyed" >&2
  exit $status
}
trap ended EXIT

# check NAME COMMAND…: one step.
check() {
  local start=$EPOCHREALTIME
  step=$1
  shift
  echo "=== $step"
  "$@"
  echo "$start $EPOCHREALTIME" | awk -v step="$step" '{ printf "--- PASS: %s (%.1f s)\n", step, $2 - $1 }'
}

# The images are those that there are, except for the one of redeploy.
target() { make --no-print-directory -o image -o playground-images -o kplane "$@"; }

# says TAG…: whether the answer in $out names one of these clusters as the one that answered, and no other.
says() {
  local tags tag
  tags=$(sed -n 's/.*"message": *"\([a-z]*\)".*/\1/p' "$out" | sort -u)
  [ -n "$tags" ] || { echo "nothing answered" >&2; return 1; }
  for tag in $tags; do
    [[ " $* " == *" $tag "* ]] || { printf '%s answered; it should be one of: %s\n' "$tag" "$*" >&2; return 1; }
  done
}

# asked TARGET TAGS [VARIABLE=VALUE…]: the target, answered by one of the clusters in TAGS.
asked() {
  local tags=$2 name=$1
  shift 2
  target "$name" "$@" | tee "$out"
  # shellcheck disable=SC2086 # one word each
  says $tags
}

# entries_of HOST CLUSTER…: the addresses of its Ingresses in these clusters, sorted.
entries_of() {
  local host=$1 c
  shift
  for c; do
    kc "$c" -n test-gslb get ingress "$host" -o 'jsonpath={range .status.loadBalancer.ingress[*]}{.ip}{"\n"}{end}'
  done | sort
}

# is HOST ADDRESSES: whether the edge and every cluster's Meridian answer just that.
is() {
  local c
  [ "$(ask "$EDGE_PORT" "$1.$ZONE")" = "$2" ] || return 1
  for c in $(running); do
    [ "$(ask $((DNS_PORT + $(index "$c") - 1)) "$1.$ZONE")" = "$2" ] || return 1
  done
}

stopped=
running() { clusters | grep -vx "${stopped:-none}"; }

# becomes HOST CLUSTER…: waits until exactly the entries of these clusters are answered, everywhere.
becomes() {
  local host=$1 want
  want=$(entries_of "$@")
  [ -n "$want" ] || { echo "no Ingress $host has an address" >&2; return 1; }
  await "$host is answered with $(echo "$want" | xargs)" is "$host" "$want"
}

# health GSLB VALUE: what every cluster's status says of the host.
health() {
  local c got
  for c in $(clusters); do
    got=$(kc "$c" -n test-gslb get gslbs.gslb.meridian.dev "$1" -o "jsonpath={.status.serviceHealth.$1\.${ZONE//./\\.}}")
    [ "$got" = "$2" ] || { echo "$c: $1 is \"$got\", not $2" >&2; return 1; }
  done
}

# web CLUSTER: the application answers on this machine's port, and says the cluster's geo tag.
web() {
  curl -sS --max-time 5 -H "Host: roundrobin.$ZONE" "http://$HOST_IP:$((HTTP_PORT + $(index "$1") - 1))/" | tee "$out"
  echo
  says "$(geo_tag "$1")"
}

# scraped CLUSTER: its Prometheus reads two Pods of Meridian.
scraped() {
  curl -sS --max-time 5 "http://$HOST_IP:$((PROMETHEUS_PORT + $(index "$1") - 1))/api/v1/query?query=sum(up%7Bjob=%22meridian%22%7D)" |
    grep -q '"2"\]'
}

# upgraded: redeploys while the edge is asked all the time; every answer must be whole.
upgraded() {
  local want asked=0 wrong=0 make
  want=$(ask "$EDGE_PORT" "roundrobin.$ZONE")
  make --no-print-directory -o playground-images -o kplane redeploy &
  make=$!
  while kill -0 "$make" 2>/dev/null; do
    asked=$((asked + 1))
    [ "$(ask "$EDGE_PORT" "roundrobin.$ZONE")" = "$want" ] || wrong=$((wrong + 1))
    sleep 0.1
  done
  wait "$make"
  echo "asked $asked times during the upgrade, $wrong answers were wrong"
  [ "$wrong" -eq 0 ]
}

free() { [ ! -e "$PLAYGROUND/clusters" ] && ports_free; }

read -ra all <<<"$(clusters | xargs)"
others=("${all[@]:1}")
other_tags=$(for c in "${others[@]}"; do geo_tag "$c"; done | xargs)
tags="eu $other_tags"

check "deploy-full-local-setup" target deploy-full-local-setup
check "all addresses are answered" becomes roundrobin "${all[@]}"
check "a Service that does not exist" health notfound NotFound
check "an application without Pods" health unhealthy Unhealthy
for c in "${all[@]}"; do
  check "the application in $c over HTTP" web "$c"
done
check "deploy-full-local-setup again" target deploy-full-local-setup
check "init-failover" target init-failover
check "the primary answers" becomes failover test-gslb1
check "test-failover" asked test-failover eu
check "test-failover as a client elsewhere" asked test-failover eu CLUSTER=test-gslb2
check "stop-test-app" target stop-test-app
check "the others answer" becomes failover "${others[@]}"
check "test-failover without the primary" asked test-failover "$other_tags"
check "start-test-app" target start-test-app
check "the primary answers again" becomes failover test-gslb1
check "test-failover with the primary back" asked test-failover eu
check "init-round-robin" target init-round-robin
check "test-round-robin" asked test-round-robin "$tags" HITS=5
check "deploy-samples" target deploy-samples
check "an annotated Ingress" becomes annotated-failover test-gslb2
check "an annotated Ingress of k8gb" becomes annotated-k8gb test-gslb1
check "dns-tools" target dns-tools CMD="dig +noall +answer failover.$ZONE; dig +short SOA $ZONE"
check "list-running-pods" target list-running-pods
check "show-gslbs" target show-gslbs
check "deploy-prometheus" target deploy-prometheus
for c in "${all[@]}"; do
  check "Prometheus in $c reads Meridian" await "two Pods are read" scraped "$c"
done
check "uninstall-prometheus" target uninstall-prometheus
check "redeploy, and nothing is noticed" upgraded
check "stop-cluster" target stop-cluster CLUSTER=test-gslb1
stopped=test-gslb1
check "the stopped cluster is left out" becomes roundrobin "${others[@]}"
check "start-cluster" target start-cluster CLUSTER=test-gslb1
stopped=
check "the started cluster is back" becomes roundrobin "${all[@]}"
check "destroy-full-local-setup" target destroy-full-local-setup
check "nothing is left" free
