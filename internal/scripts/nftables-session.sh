#!/bin/sh
# Runs the commands of docs/nftables.md in a network namespace of their own, and prints them with their real output. The page
# has these outputs between "<!-- session: NAME -->" and "<!-- end -->"; see insert-session.sh.
set -eu
cgnctl=$1
plan=$2
[ -n "${CGNKIT_INSIDE-}" ] || CGNKIT_INSIDE=1 exec unshare -n "$0" "$cgnctl" "$plan"
cd "$(dirname "$plan")"
name=$(basename "$plan")
ip link set lo up
sysctl -q -w net.ipv4.ip_forward=1 net.netfilter.nf_conntrack_icmp_timeout=60
show() { printf '@ %s\n' "$1"; shift; for c in "$@"; do printf '$ %s\n' "$c"; { sh -c "$c" 2>&1 || printf '(exit code %s)\n' $?; } | sed 's, *$,,'; done; }
alias_path=$(mktemp -d); ln -s "$cgnctl" "$alias_path/cgnctl"; PATH=$alias_path:$PATH; export PATH
trap 'rm -rf "$alias_path"' EXIT
show dry "cgnctl apply -c $name --dry-run"
show apply "cgnctl apply -c $name" "cgnctl verify -c $name" "ip route"
show table "nft list table ip cgn"
nft delete element ip cgn shares '{ 192.168.7.11 }'
nft insert rule ip cgn translate accept
show meddle "cgnctl verify -c $name" "cgnctl apply -c $name" "cgnctl verify -c $name"
show remove "cgnctl remove" "nft list ruleset"
show refuse "cgnctl render nftables -c staggered.yaml" "cgnctl render vpp -c tiny.yaml"
