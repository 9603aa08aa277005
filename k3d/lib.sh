# shellcheck shell=bash disable=SC2034 # what is set here is used by those who source it
# What the scripts of the playground share: its settings, its clusters, and how they speak.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(dirname "$here")
cd "$top" || exit 1

GO=${GO:-go}
PLAYGROUND=${PLAYGROUND:-$top/bin/playground} # keys, kubeconfig, and what the provider keeps
made_by=$(cat "$PLAYGROUND/provider" 2>/dev/null || true)
PROVIDER=${PROVIDER:-${made_by:-k3d}}
IMAGES=${IMAGES:-$top/bin/image}
IMAGE_TAG=${IMAGE_TAG:-dev}
HOST_IP=${HOST_IP:-127.0.0.1} # where this machine listens for the playground
EDGE_PORT=${EDGE_PORT:-1053}
DNS_PORT=${DNS_PORT:-5053} # of the first cluster; the others have those behind it
HTTP_PORT=${HTTP_PORT:-80}
HTTPS_PORT=${HTTPS_PORT:-443}
PROMETHEUS_PORT=${PROMETHEUS_PORT:-9080}
PROC_NET=${PROC_NET:-/proc/net}
PATIENCE=${PATIENCE:-300} # seconds that any wait may take
ZONE=cloud.example.com
GEO_TAGS=(eu us cz af ru ap uk ca)
kubeconfig=$PLAYGROUND/kubeconfig

say() { printf '\n== %s\n' "$*"; }

die() {
  printf 'playground: %s\n' "$*" >&2
  exit 1
}

# clusters: the balanced clusters of the playground that is up, or of the one to make.
clusters() {
  if [ -z "${CLUSTERS_NUMBER:-}" ] && [ -s "$PLAYGROUND/clusters" ]; then
    cat "$PLAYGROUND/clusters"
    return
  fi
  local n=${CLUSTERS_NUMBER:-2} i
  [[ $n =~ ^[1-8]$ ]] || die "CLUSTERS_NUMBER is \"$n\"; it can be 1 to 8"
  for ((i = 1; i <= n; i++)); do echo "test-gslb$i"; done
}

# index CLUSTER: its number, from 1.
index() { echo "${1#test-gslb}"; }

geo_tag() { echo "${GEO_TAGS[$(index "$1") - 1]}"; }

# known CLUSTER: dies unless it is one of the playground.
known() {
  local c
  for c in edgedns $(clusters); do
    [ "$c" != "$1" ] || return 0
  done
  die "there is no cluster \"$1\"; there are edgedns $(clusters | xargs)"
}

# listening PORT udp|tcp: whether somebody has it on HOST_IP or on all addresses.
listening() {
  local port wanted file a b c d
  port=$(printf '%04X' "$1")
  IFS=. read -r a b c d <<<"$HOST_IP"
  wanted=$(printf '%02X%02X%02X%02X' "$d" "$c" "$b" "$a")
  for file in "$PROC_NET/$2" "$PROC_NET/${2}6"; do
    [ -r "$file" ] || continue
    # 0A is LISTEN, 07 a bound UDP socket
    awk -v port=":$port" -v ip="$wanted" -v state="$([ "$2" = tcp ] && echo 0A || echo 07)" '
      $4 == state && (index($2, ip port) == 1 || $2 ~ "^0+" port "$") { found = 1 }
      END { exit !found }' "$file" && return 0
  done
  return 1
}

# published: the ports of this machine that the playground takes, one PORT/PROTOCOL a line.
published() {
  local c i
  echo "$EDGE_PORT/udp"
  echo "$EDGE_PORT/tcp"
  for c in $(clusters); do
    i=$(index "$c")
    echo "$((DNS_PORT + i - 1))/udp"
    echo "$((DNS_PORT + i - 1))/tcp"
    echo "$((HTTP_PORT + i - 1))/tcp"
    echo "$((PROMETHEUS_PORT + i - 1))/tcp"
  done
}

# ports_free: dies if somebody else has one of them.
ports_free() {
  local p taken=()
  for p in $(published); do
    listening "${p%/*}" "${p#*/}" && taken+=("$p")
  done
  [ ${#taken[@]} -eq 0 ] ||
    die "in use on $HOST_IP: ${taken[*]}. End what listens there (ss -lntup shows it), or choose others by" \
      "EDGE_PORT, DNS_PORT, HTTP_PORT, HTTPS_PORT, PROMETHEUS_PORT"
}

# await WHAT COMMAND…: until COMMAND succeeds, for PATIENCE seconds, saying so.
await() {
  local what=$1 start=$SECONDS shown=0
  shift
  until "$@"; do
    [ $((SECONDS - start)) -lt "$PATIENCE" ] || {
      printf 'playground: gave up after %d s: %s\n' "$PATIENCE" "$what" >&2
      return 1
    }
    if [ $((SECONDS - start)) -ge $((shown + 10)) ]; then
      shown=$((SECONDS - start))
      printf '   %3d s, waiting: %s\n' "$shown" "$what"
    fi
    sleep 0.5
  done
  printf '   %3d s: %s\n' $((SECONDS - start)) "$what"
}

# find_kubectl: KUBECTL, or the one of the local clusters, or that of the PATH, or that of hack/kplane.
find_kubectl() {
  if [ -n "${KUBECTL:-}" ]; then
    :
  elif [ -x "$PLAYGROUND/bin/kubectl" ]; then
    KUBECTL=$PLAYGROUND/bin/kubectl
  elif command -v kubectl >/dev/null; then
    KUBECTL=kubectl
  else
    KUBECTL="$GO run ./internal/kplane/kplanectl kubectl"
  fi
}

# kc CLUSTER ARG…: kubectl on it.
kc() {
  local cluster=$1
  shift
  find_kubectl
  # shellcheck disable=SC2086 # it may be several words
  $KUBECTL --kubeconfig "$kubeconfig" --context "k3d-$cluster" "$@"
}

# helm_ ARG…: HELM, or that of the PATH, or the one that hack/tools pins.
helm_() {
  if [ -z "${HELM:-}" ]; then
    HELM="$GO tool -modfile=hack/tools/go.mod helm"
    if command -v helm >/dev/null; then HELM=helm; fi
  fi
  # shellcheck disable=SC2086 # it may be several words
  $HELM --kubeconfig "$kubeconfig" "$@"
}

provider() { "$here/provider/$PROVIDER.sh" "$@"; }

# ask PORT NAME [TYPE]: what the server on that port of this machine answers, sorted.
ask() { dig "@$HOST_IP" -p "$1" "$2" "${3:-A}" +short +time=2 +tries=1 2>/dev/null | grep -v '^;' | sort; }

[ "${made_by:-$PROVIDER}" = "$PROVIDER" ] || die "the playground that is up was made with PROVIDER=$made_by; destroy it first"
clusters >/dev/null # a wrong CLUSTERS_NUMBER ends it all here
