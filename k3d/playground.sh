#!/usr/bin/env bash
# The playground: an edge with BIND, and two or more clusters with Meridian and an application.
# `make help` lists what it can do; each verb here is a target of k3d/k3d.mk. What makes the clusters is
# in provider/, everything else is the same for all providers.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[ -x "$here/provider/$PROVIDER.sh" ] || die "there is no PROVIDER \"$PROVIDER\"; there are k3d and local"

CLUSTER=${CLUSTER:-test-gslb1}
patience=${PATIENCE}s

# is_up: dies unless there is a playground.
is_up() { [ -s "$kubeconfig" ] || die "there is no playground yet: make deploy-full-local-setup"; }

# remember: what make destroy-full-local-setup has to know.
remember() {
  mkdir -p "$PLAYGROUND"
  clusters >"$PLAYGROUND/clusters.new"
  mv "$PLAYGROUND/clusters.new" "$PLAYGROUND/clusters"
  echo "$PROVIDER" >"$PLAYGROUND/provider"
}

create_local_clusters() {
  command -v dig >/dev/null || die "dig is not installed. On Debian: apt-get install bind9-dnsutils"
  provider check
  [ -s "$PLAYGROUND/clusters" ] || remember
  say "Creating the clusters edgedns $(clusters | xargs) ($PROVIDER)"
  provider up
  remember
  say "Loading the images"
  provider load-images
}

# rolled_out CLUSTER NAMESPACE NAME: waits until a Deployment is as it should be, or tells what is in the way.
rolled_out() {
  kc "$1" -n "$2" rollout status "deployment/$3" --timeout "$patience" || {
    troubles "$1" "$2" "$3"
    die "$1: $3 does not come up"
  }
}

# troubles CLUSTER NAMESPACE NAME: Pods, events and the end of the logs.
troubles() {
  kc "$1" -n "$2" get pods -o wide || true
  kc "$1" -n "$2" get events --sort-by=.lastTimestamp | tail -n 20 || true
  kc "$1" -n "$2" logs -l "app.kubernetes.io/name=$3" --all-containers --tail 30 --prefix || true
}

# key NAME: a TSIG secret of the playground, made once.
key() {
  local file=$PLAYGROUND/keys/$1
  mkdir -p "$PLAYGROUND/keys"
  [ -s "$file" ] || (umask 077 && head -c 32 /dev/urandom | base64 >"$file")
  cat "$file"
}

# secret CLUSTER NAMESPACE NAME KEY=VALUE…: a Secret, made or changed.
secret() {
  local cluster=$1 namespace=$2 name=$3 pair args=()
  shift 3
  for pair; do args+=("--from-literal=$pair"); done
  kc "$cluster" -n "$namespace" create secret generic "$name" "${args[@]}" --dry-run=client -o yaml |
    kc "$cluster" apply -f -
}

# namespace CLUSTER NAME: a namespace that takes only Pods without privileges.
namespace() {
  kc "$1" create namespace "$2" --dry-run=client -o yaml | kc "$1" apply -f -
  kc "$1" label namespace "$2" pod-security.kubernetes.io/enforce=restricted --overwrite >/dev/null
}

deploy_edge() {
  is_up
  say "edgedns: BIND serves example.com"
  namespace edgedns edge
  secret edgedns edge externaldns-key "externaldns-key.conf=key \"externaldns-key\" {
  algorithm hmac-sha256;
  secret \"$(key edge)\";
};"
  kc edgedns apply -f k3d/edge
  rolled_out edgedns edge bind
  await "BIND's Service has an address" has_address edgedns edge bind
  await "BIND answers on $HOST_IP:$EDGE_PORT" serves "$EDGE_PORT" example.com
}

# address CLUSTER NAMESPACE SERVICE: the addresses of its load balancer.
address() { kc "$1" -n "$2" get service "$3" -o 'jsonpath={.status.loadBalancer.ingress[*].ip}'; }

has_address() { [ -n "$(address "$@")" ]; }

# serves PORT ZONE: whether a server there has that zone.
serves() { [ -n "$(ask "$1" "$2" SOA)" ]; }

deploy_meridian() {
  is_up
  local c
  for c in $(clusters); do
    install_meridian "$c"
  done
}

install_meridian() {
  local c=$1 edge
  say "$c: Meridian, geo tag $(geo_tag "$c")"
  edge=$(address edgedns edge bind)
  [ -n "$edge" ] || die "BIND's Service has no address: make deploy-edge"
  namespace "$c" meridian
  secret "$c" meridian externaldns-key "secret=$(key edge)"
  secret "$c" meridian playground-peers "secret=$(key peers)"
  # The tag stays the same, so that Pods are replaced because of the annotation.
  helm_ --kube-context "k3d-$c" -n meridian upgrade --install meridian chart/meridian -f k3d/values.yaml \
    --set "geoTag=$(geo_tag "$c"),edge.servers={${edge%% *}},image.tag=$IMAGE_TAG" \
    --set-string "podAnnotations.playground/image=$(cksum <"$IMAGES/meridian.tar" | tr ' ' -)" \
    --wait --timeout "$patience" >/dev/null || {
    troubles "$c" meridian meridian
    die "$c: Meridian does not come up"
  }
  kc "$c" -n meridian get pods,service
  await "Meridian in $c answers on $HOST_IP:$((DNS_PORT + $(index "$c") - 1))" \
    serves $((DNS_PORT + $(index "$c") - 1)) "$ZONE"
}

upgrade_meridian() {
  is_up
  say "Loading the image"
  provider load-images
  deploy_meridian
}

deploy_test_apps() {
  is_up
  local c
  for c in $(clusters); do
    say "$c: the application, and four Gslbs"
    kc "$c" apply -f k3d/apps/namespace.yaml
    kc "$c" -n test-gslb create configmap cluster "--from-literal=geo-tag=$(geo_tag "$c")" --dry-run=client -o yaml |
      kc "$c" apply -f -
    kc "$c" apply -f k3d/apps -f k3d/gslb
  done
  for c in $(clusters); do
    rolled_out "$c" test-gslb frontend-podinfo
  done
  await "roundrobin.$ZONE answers with all addresses" answers_all "roundrobin.$ZONE"
}

# entries HOST-LABEL: the addresses of its Ingresses in all clusters, sorted.
entries() {
  local c
  for c in $(clusters); do
    kc "$c" -n test-gslb get ingress "$1" -o 'jsonpath={range .status.loadBalancer.ingress[*]}{.ip}{"\n"}{end}'
  done | sort
}

# answers_all HOST: whether the edge answers with every entry of the host.
answers_all() {
  local wanted
  wanted=$(entries "${1%%.*}" 2>/dev/null)
  [ "$(echo "$wanted" | wc -w)" -ge "$(clusters | wc -l)" ] && [ "$(ask "$EDGE_PORT" "$1")" = "$wanted" ]
}

deploy_full_local_setup() {
  create_local_clusters
  deploy_edge
  deploy_meridian
  deploy_test_apps
  say "The playground is up"
  echo "dig @$(host) -p $EDGE_PORT roundrobin.$ZONE +short"
  ask "$EDGE_PORT" "roundrobin.$ZONE"
  cat <<END

Contexts: export KUBECONFIG=$kubeconfig
          kubectl --context k3d-edgedns | $(clusters | sed 's/^/k3d-/' | xargs | sed 's/ / | /g')
DNS:      edge $EDGE_PORT; Meridian $(each DNS_PORT). HTTP: $(each HTTP_PORT)
Next:     make test-failover; make stop-test-app; make test-failover; make start-test-app
End:      make destroy-full-local-setup
END
}

# host: how this machine is called where the playground listens.
host() { if [ "$HOST_IP" = 127.0.0.1 ]; then echo localhost; else echo "$HOST_IP"; fi; }

# each VARIABLE: the ports of the clusters that begin with it.
each() {
  local c text=
  for c in $(clusters); do
    text+="${text:+, }$(geo_tag "$c") $((${!1} + $(index "$c") - 1))"
  done
  echo "$text"
}

destroy_full_local_setup() {
  provider down
  rm -rf "$PLAYGROUND"/{clusters,provider,keys,k3d,kubeconfig}
  rmdir "$PLAYGROUND" 2>/dev/null || true
  echo "the playground is gone"
}

# init_strategy NAME: applies that Gslb in all clusters and lets the application run.
init_strategy() {
  is_up
  local c
  for c in $(clusters); do
    kc "$c" apply -f "k3d/gslb/$1.yaml"
    scale "$c" 2
  done
}

scale() {
  is_up
  known "$1"
  kc "$1" -n test-gslb scale deployment/frontend-podinfo "--replicas=$2"
  rolled_out "$1" test-gslb frontend-podinfo
}

# client: makes a Pod whose name server is Meridian in CLUSTER, and ends it with this script.
client() {
  local dns
  is_up
  known "$CLUSTER"
  dns=$(kc "$CLUSTER" -n meridian get service meridian -o 'jsonpath={.spec.clusterIP}')
  client=dnstools-$$-$RANDOM
  trap 'kc "$CLUSTER" -n test-gslb delete pod "$client" --wait=false --ignore-not-found >/dev/null 2>&1 || true' EXIT
  sed -e "s|\${NAME}|$client|" -e "s|\${DNS}|$dns|" k3d/dnstools.yaml | kc "$CLUSTER" apply -f - >/dev/null
  kc "$CLUSTER" -n test-gslb wait --for=condition=Ready "pod/$client" --timeout "$patience" >/dev/null
}

# hit NAME: asks the application as a client in CLUSTER would, HITS times.
hit() {
  client
  local i
  for ((i = 0; i < ${HITS:-1}; i++)); do
    kc "$CLUSTER" -n test-gslb exec "$client" -- curl -sS --max-time 10 "http://$1.$ZONE/" ||
      die "$1.$ZONE does not answer (make dns-tools shows what a client in $CLUSTER sees)"
    echo
  done
}

dns_tools() {
  kc "$CLUSTER" -n meridian get service meridian
  client
  if [ -n "${CMD:-}" ]; then
    kc "$CLUSTER" -n test-gslb exec "$client" -- sh -c "$CMD"
  elif [ -t 0 ]; then
    kc "$CLUSTER" -n test-gslb exec -it "$client" -- sh
  else
    kc "$CLUSTER" -n test-gslb exec -i "$client" -- sh
  fi
}

deploy_prometheus() {
  is_up
  local c
  for c in $(clusters); do
    say "$c: Prometheus"
    kc "$c" apply -f k3d/prometheus
  done
  for c in $(clusters); do
    rolled_out "$c" monitoring prometheus
    echo "http://$(host):$((PROMETHEUS_PORT + $(index "$c") - 1))"
  done
}

uninstall_prometheus() {
  is_up
  local c
  for c in $(clusters); do
    kc "$c" delete -f k3d/prometheus --ignore-not-found
  done
}

deploy_samples() {
  is_up
  local c
  for c in $(clusters); do
    kc "$c" apply -f k3d/samples
  done
}

list_running_pods() {
  is_up
  local c
  for c in edgedns $(clusters); do
    say "$c"
    kc "$c" get pods -A -o wide
  done
}

show_gslbs() {
  is_up
  local c
  for c in $(clusters); do
    say "$c"
    kc "$c" get gslbs.gslb.meridian.dev -A -o wide
  done
}

case ${1:-} in
create-local-clusters | deploy-edge | deploy-meridian | upgrade-meridian | deploy-test-apps | \
  deploy-full-local-setup | destroy-full-local-setup | deploy-prometheus | uninstall-prometheus | \
  deploy-samples | list-running-pods | show-gslbs | dns-tools) "${1//-/_}" ;;
init-failover) init_strategy failover ;;
init-round-robin) init_strategy roundrobin ;;
test-failover) hit failover ;;
test-round-robin) hit roundrobin ;;
start-test-app) scale "$CLUSTER" 2 ;;
stop-test-app) scale "$CLUSTER" 0 ;;
stop-cluster) is_up && provider stop "$CLUSTER" ;;
start-cluster) is_up && provider start "$CLUSTER" ;;
*) die "usage: $0 TARGET; make help lists them" ;;
esac
