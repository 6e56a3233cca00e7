#!/bin/sh
# Runs the commands of docs/xdp.md in a network namespace and a BPF filesystem of their own, and prints them with their real
# output, but for what differs from host to host. The page has these outputs between "<!-- session: NAME -->" and "<!-- end -->";
# see insert-session.sh.
set -eu
cgnctl=$1
plan=$2
[ -n "${CGNKIT_INSIDE-}" ] || CGNKIT_INSIDE=1 exec unshare -n -m "$0" "$cgnctl" "$plan"
mount -t bpf bpf /sys/fs/bpf
cd "$(dirname "$plan")"
name=$(basename "$plan")
sysctl -q -w net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 2>/dev/null || true
sysctl -q -w net.ipv4.ip_forward=1
ip link set lo up
for i in eth0 eth1; do
  ip link add "$i" type veth peer name "$i-far"
  ip link set "$i" up
  ip link set "$i-far" up
  ethtool -K "$i" gro on # the far end can send, whatever becomes of the program on this one
done
ethtool -K eth0-far gro on
ethtool -K eth1-far gro off # an apply says what that means
ip address add 192.168.7.1/24 dev eth0
ip address add 198.51.100.1/24 dev eth1
ip route add default via 198.51.100.254
steady='s/since +[0-9TZ:-]+/since     2026-11-01T03:00:00Z/; s/memory +[0-9.]+ MiB/memory    22.7 MiB/; s, *$,,'
show() { printf '@ %s\n' "$1"; shift; for c in "$@"; do printf '$ %s\n' "$c"; { sh -c "$c" 2>&1 || printf '(exit code %s)\n' $?; } | sed -E "$steady"; done; }
alias_path=$(mktemp -d); ln -s "$cgnctl" "$alias_path/cgnctl"; PATH=$alias_path:$PATH; export PATH
trap 'rm -rf "$alias_path"' EXIT
show dry "cgnctl apply -c $name --backend xdp --inside eth0 --outside eth1 --dry-run"
ethtool -K eth1-far gro on
show apply "cgnctl apply -c $name --backend xdp --inside eth0 --outside eth1" "cgnctl verify -c $name --backend xdp" "cgnctl status --backend xdp"
show change "cgnctl apply -c rfc7422-example.yaml --backend xdp --dry-run 2>/dev/null" "cgnctl apply -c $name --backend xdp --policy - --dry-run <<EOF
default: {filtering: address-dependent}
EOF"
rm /sys/fs/bpf/cgnkit/*/cgn/v1/live/links/"$(ip -o link show eth0 | cut -d: -f1)"-xdp
show meddle "cgnctl verify -c $name --backend xdp" "cgnctl apply -c $name --backend xdp" "cgnctl verify -c $name --backend xdp"
show refuse "cgnctl apply -c $name --backend xdp --inside eth0,eth0 --outside eth1" "cgnctl apply -c $name --backend xdp --inside eth0=west --outside eth1"
show remove "cgnctl remove --backend xdp" "cgnctl status"
