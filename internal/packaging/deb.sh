#!/bin/sh
# Builds the Debian package into a folder and prints its path. The same tree, Go and dpkg give the same bytes: times are those of the
# last commit, or SOURCE_DATE_EPOCH. GOARCH chooses the architecture.
set -eu
umask 022
out=$1
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$(dirname "$0")/../.."
parts=internal/packaging
go=${GO:-go}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH CGO_ENABLED=0 GOOS=linux LC_ALL=C TZ=UTC
GOARCH=${GOARCH:-$($go env GOARCH)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
share=$root/usr/share
doc=$share/doc/cgnkit
install -d "$root/usr/bin" "$root/usr/sbin" "$root/etc/cgnd" "$root/usr/lib/systemd/system" "$root/DEBIAN" "$doc/monitoring" \
  "$doc/examples" "$share/man/man1" "$share/man/man5" "$share/man/man8" "$share/bash-completion/completions" \
  "$share/zsh/vendor-completions" "$share/fish/vendor_completions.d" "$share/lintian/overrides"
# The ledger and the audit log say who had which address: for root only.
install -d -m 0750 "$root/var/lib/cgnd" "$root/var/log/cgnd"

case $GOARCH in
386) arch=i386 ;;
arm) arch=armhf ;;
ppc64le) arch=ppc64el ;;
*) arch=$GOARCH ;;
esac
# $1: architecture, $2: folder for cgnctl, $3: for cgnd
build() {
  GOARCH=$1 $go build -trimpath -ldflags '-s -w' -o "$2/cgnctl" ./cmd/cgnctl
  GOARCH=$1 $go build -trimpath -ldflags '-s -w' -o "$3/cgnd" ./cmd/cgnd
}
build "$GOARCH" "$root/usr/bin" "$root/usr/sbin"
cgnctl=$root/usr/bin/cgnctl
cgnd=$root/usr/sbin/cgnd
here=$($go env GOHOSTARCH)
if [ "$GOARCH" != "$here" ]; then # pages and completions are made by commands that run here
  build "$here" "$work" "$work"
  cgnctl=$work/cgnctl
  cgnd=$work/cgnd
fi

$cgnctl gen man "$share/man/man1"
$cgnd gen man "$share/man/man8"
mv "$share/man/man8/cgnd.yaml.5" "$share/man/man5/"
find "$share/man" -type f -exec gzip -9n {} +
for name in cgnctl cgnd; do
  command=$cgnctl
  [ $name = cgnctl ] || command=$cgnd
  $command completion bash > "$share/bash-completion/completions/$name"
  $command completion zsh > "$share/zsh/vendor-completions/_$name"
  $command completion fish > "$share/fish/vendor_completions.d/$name.fish"
done
$cgnd gen config > "$root/etc/cgnd/cgnd.yaml"
install -m 0644 cmd/cgnd/dist/cgnd.service "$root/usr/lib/systemd/system/"
install -m 0644 docs/*.md docs/*.json docs/*.yaml CHANGELOG.md "$doc/"
install -m 0644 docs/monitoring/* "$doc/monitoring/"
install -m 0644 testdata/plans/br-1to32.yaml testdata/plans/tiny.yaml "$doc/examples/"

install -m 0644 $parts/deb/lintian-overrides "$share/lintian/overrides/cgnkit"

version=$($cgnd version | awk '{ sub(/-/, "~", $2); print $2 }')
{
  printf 'cgnkit (%s) unstable; urgency=medium\n\n  * What is new is in CHANGELOG.md.\n\n' "$version"
  printf ' -- %s  %s\n' "$(sed -n 's/^Maintainer: //p' $parts/deb/control)" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")"
} | gzip -9n > "$doc/changelog.gz"
{
  cat $parts/deb/copyright
  GO="$go" $parts/licences.sh ./cmd/cgnctl ./cmd/cgnd
} > "$doc/copyright"

size=$(find "$root" -type f -printf '%s\n' | awk '{ kib += int(($1 + 1023) / 1024) } END { print kib }')
sed "s/@VERSION@/$version/; s/@ARCH@/$arch/; s/@SIZE@/$size/" $parts/deb/control > "$root/DEBIAN/control"
echo /etc/cgnd/cgnd.yaml > "$root/DEBIAN/conffiles"
(cd "$root" && find etc usr -type f -print0 | sort -z | xargs -0 md5sum) > "$root/DEBIAN/md5sums"
install -m 0755 $parts/deb/preinst $parts/deb/postinst $parts/deb/prerm $parts/deb/postrm "$root/DEBIAN/"

file=$out/cgnkit_${version}_$arch.deb
# gzip: one is like another, and xz takes eight times as long for a quarter less.
dpkg-deb --root-owner-group -Zgzip -z9 --build "$root" "$file" > /dev/null
echo "$file"
