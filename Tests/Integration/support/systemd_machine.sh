#!/bin/bash
# systemd_machine.sh DIRECTORY PROGRAM: becomes a systemd of its own, on a copy of this machine's file system that lasts as
# long as it runs. It is started in namespaces of its own (systemd_machine.py): nothing here reaches the machine itself.
set -eu
directory=$1 program=$2
[ "$$" = 1 ] || { echo "not in a process namespace of its own" >&2; exit 1; }
mount --make-rprivate /
mount -t tmpfs tmpfs "$directory"
mkdir "$directory"/{upper,work,root}
root=$directory/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$directory/upper,workdir=$directory/work" "$root"

mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
if [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]; then
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
else
    mount -t tmpfs tmpfs "$root/sys/fs/cgroup"
    mkdir "$root/sys/fs/cgroup/systemd"
    mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
    # No other controllers are mounted then.
    mount -o remount,ro "$root/sys/fs/cgroup"
fi
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
touch "$root/usr/bin/kmsctl"
mount --bind "$program" "$root/usr/bin/kmsctl"

# None of this machine's services, mounts and sockets: only what a test starts.
rm -rf "$root"/etc/systemd/system/* "$root"/lib/systemd/system/*.wants "$root"/lib/systemd/system-generators/*
printf '[Unit]\nDescription=Nothing\nDefaultDependencies=no\n' >"$root/etc/systemd/system/nothing.target"

cd "$root"
mkdir outside
pivot_root . outside
umount --lazy /outside
# As systemd has it where it is not in a container: credentials come to a unit this way.
mount --make-rshared /
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=nothing.target \
    --log-target=null </dev/null
