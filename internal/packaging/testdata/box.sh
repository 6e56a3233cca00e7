#!/bin/sh
# Makes a box and runs a command as its first process: box.sh FOLDER NAME COMMAND... To be started in new namespaces for mounts,
# processes, host name and IPC. The box sees this system, and what it writes is in memory; it has no services but those that a test
# asks for. NAME is that of its cgroup.
set -eu
folder=$1 name=$2
shift 2
mount --make-rprivate /
mount -t tmpfs -o mode=0755 box "$folder"
cd "$folder"
mkdir upper work root cgroup
mount -t cgroup2 cgroup2 cgroup
mkdir "cgroup/$name"
echo 0 > "cgroup/$name/cgroup.procs"
umount cgroup
mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work box root
cd root
mount -t proc proc proc
# Of what is set under /proc/sys, only that of the network belongs to the box.
mkdir ../proc
mount -t proc proc ../proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount --bind ../proc/sys/net proc/sys/net
mount -t sysfs sysfs sys
mount -t bpf -o mode=0700 bpf sys/fs/bpf
for tmp in dev run; do mount -t tmpfs -o mode=0755 tmpfs $tmp; done
mount -t tmpfs -o mode=1777 tmpfs tmp
mkdir dev/pts dev/shm
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
: > dev/console
mount --bind /dev/null dev/console
for device in null zero full random urandom tty; do
  : > dev/$device
  mount --bind /dev/$device dev/$device
done
# dpkg knows what our package depends on, and nothing else, whatever this system has.
awk -v RS= '/^Package: (adduser|init-system-helpers)\n/ { print $0 "\n" }' /var/lib/dpkg/status > "$folder/status"
rm -rf var/lib/dpkg
mkdir -p var/lib/dpkg/info var/lib/dpkg/updates var/lib/dpkg/triggers
echo 1 > var/lib/dpkg/info/format
mv "$folder/status" var/lib/dpkg/status
: > var/lib/dpkg/info/adduser.list
: > var/lib/dpkg/info/init-system-helpers.list
# Nothing of this system starts: neither its services nor what systemd does to kernels at boot. What is left is its log.
rm -rf etc/systemd/system usr/lib/systemd/system/*.wants usr/lib/systemd/system-generators usr/sbin/policy-rc.d
mkdir etc/systemd/system
echo 0123456789abcdef0123456789abcdef > etc/machine-id
printf '[Unit]\nDescription=Box\nRequires=basic.target systemd-journald.service\nAfter=basic.target\n' > etc/systemd/system/box.target
echo cgn1 > etc/hostname
mkdir run/upper # what was written
mount --bind ../upper run/upper
mount -o remount,bind,ro run/upper
pivot_root . mnt
cd /
umount -l /mnt
# The namespace of cgroups begins where this process is by now.
# shellcheck disable=SC2016 # it is for the inner shell
exec env -i container=cgnkit PATH=/usr/sbin:/usr/bin:/sbin:/bin unshare -C /bin/sh -ec \
  'mount -t cgroup2 cgroup2 /sys/fs/cgroup; mount -o remount,bind,ro /sys; : > /run/boxed; exec "$@"' box "$@"
