"""A real Ceph cluster from Debian's packages: one monitor, one manager, one OSD on a sparse file, on 127.0.0.1.

with ceph(directory) as cluster:
    cluster.make_pool("images")
    a client with cluster.conf as the user cluster.user ...
    cluster.osd.kill()          # at once, unasked; clients then wait
    cluster.osd.start()
"""

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.starters.base import Missing, debian, free_port, process, wait_until

PACKAGES = ("ceph-mon", "ceph-mgr", "ceph-osd", "ceph-common", "python3-rbd", "python3-rados")
BINDINGS = Path("/usr/lib/python3/dist-packages")
USER, READER = "images", "onlooker"
"""Two users besides the administrator: one who may use every pool for RBD, one who may only read them."""
CLIENT_DIES_SECONDS = 5
"""After which the cluster takes a silent client for dead; 30 are usual."""

_GIB = 1 << 30


class CommandFailed(Exception):
    """One of Ceph's programs ended with an error; the text is its own."""


@dataclasses.dataclass
class Daemon:
    """One process of the cluster; it may be started and ended any number of times."""

    command: Sequence[str]
    log: Path
    pid: int = 0
    _running: contextlib.ExitStack = dataclasses.field(default_factory=contextlib.ExitStack)

    def start(self) -> None:
        self.pid = self._running.enter_context(process(self.command, log=self.log, stop=signal.SIGKILL)).pid

    def kill(self) -> None:
        """End it at once."""
        self.thaw()
        self._running.close()
        self.pid = 0

    def freeze(self) -> None:
        """It says nothing more, and its connections stay."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGCONT)


def _run(command: Sequence[str], data: bytes | None = None) -> str:
    # isolated: the programs are Debian's, and written for Debian's Python
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, input=data, capture_output=True, env=environment, check=False)
    if done.returncode:
        raise CommandFailed(f"{' '.join(command[:4])} failed: {done.stderr.decode()[-1000:]}")
    return done.stdout.decode()


@dataclasses.dataclass
class Ceph:
    """A cluster."""

    directory: Path
    data: Path
    fsid: str
    mon: Daemon
    mgr: Daemon
    osd: Daemon
    user: str = USER

    @property
    def daemons(self) -> Sequence[Daemon]:
        """All of them."""
        return self.mon, self.mgr, self.osd

    @property
    def conf(self) -> Path:
        """Its ceph.conf, which names a keyring with every user's key."""
        return self.directory / "ceph.conf"

    def run(self, program: str, *words: str, data: bytes | None = None) -> str:
        """What one of Ceph's own programs prints, run as the administrator. Raises `CommandFailed`."""
        return _run([program, "--conf", str(self.conf), *words], data)

    def ask(self, *words: str) -> Any:
        """What the monitors answer to a command."""
        answer = self.run("ceph", "--connect-timeout", "20", "--format", "json", *words)
        return json.loads(answer) if answer.strip() else None

    def make_pool(self, name: str) -> str:
        """A pool for images; its name."""
        self.ask("osd", "pool", "create", name, "4", "4")
        self.ask("osd", "pool", "application", "enable", name, "rbd")
        return name

    def is_up(self) -> bool:
        """Whether the OSD takes part."""
        with contextlib.suppress(CommandFailed):
            return bool(self.ask("osd", "stat")["num_up_osds"])
        return False


def _configuration(directory: Path, data: Path, port: int, fsid: str) -> str:
    return f"""[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{port}]
mon initial members = a
ms bind msgr1 = false
ms bind ipv6 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = false
keyring = {directory}/keyring
run dir = {directory}
pid file = {directory}/$name.pid
crash dir = {directory}
admin socket =
log to stderr = false
osd pool default size = 1
osd pool default min size = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
rgw rados pool pg num min = 2
paxos propose interval = 0.005
paxos min wait = 0.005
[mon]
mon data = {data}/mon
log file = {directory}/mon.log
mon cluster log file = {directory}/cluster.log
mon allow pool size one = true
mon allow pool delete = true
mon data avail warn = 1
mon data avail crit = 1
mon max pg per osd = 2000
[mgr]
mgr data = {data}/mgr
log file = {directory}/mgr.log
mgr initial modules =
mgr stats period = 1
mgr tick period = 1
[osd]
osd data = {data}/osd
log file = {directory}/osd.log
osd objectstore = bluestore
bluestore block size = {16 * _GIB}
bluestore block create = true
osd memory target = {_GIB}
osd fast shutdown = true
osd client watch timeout = {CLIENT_DIES_SECONDS}
"""


def _make_monitor(cluster: Ceph) -> None:
    directory, port = cluster.directory, free_port()
    cluster.conf.write_text(_configuration(directory, cluster.data, port, cluster.fsid))
    keys, keyring, monmap = f"{directory}/mon.keyring", f"{directory}/keyring", f"{directory}/monmap"
    everything = [word for daemon in ("mon", "osd", "mgr") for word in ("--cap", daemon, "allow *")]
    _run(["ceph-authtool", "--create-keyring", keys, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *"])
    _run(["ceph-authtool", "--create-keyring", keyring, "--gen-key", "-n", "client.admin", *everything])
    _run(["ceph-authtool", keys, "--import-keyring", keyring])
    _run(["monmaptool", "--create", "--fsid", cluster.fsid, "--addv", "a", f"[v2:127.0.0.1:{port}]", monmap])
    cluster.run("ceph-mon", "-i", "a", "--mkfs", "--monmap", monmap, "--keyring", keys)


def _make_others(cluster: Ceph) -> None:
    """The OSD's file, the keys of the daemons, and those of the two users, who share the administrator's keyring."""
    key, identity = _run(["ceph-authtool", "--gen-print-key"]).strip(), str(uuid.uuid4())
    keyring = f"{cluster.data}/osd/keyring"
    cluster.run("ceph", "osd", "new", identity, "-i", "-", data=json.dumps({"cephx_secret": key}).encode())
    cluster.run("ceph-authtool", "--create-keyring", keyring, "-n", "osd.0", "--add-key", key)
    cluster.run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", identity, "--keyring", keyring)
    allowed = ["mon", "allow profile mgr", "osd", "allow *"]
    (cluster.data / "mgr" / "keyring").write_text(cluster.run("ceph", "auth", "get-or-create", "mgr.x", *allowed))
    with (cluster.directory / "keyring").open("a") as keys:
        for user, profile in ((USER, "profile rbd"), (READER, "profile rbd-read-only")):
            allowed = ["mon", "profile rbd", "osd", profile]
            keys.write(cluster.run("ceph", "auth", "get-or-create", f"client.{user}", *allowed))


def _start(cluster: Ceph) -> None:
    try:
        _make_monitor(cluster)
        cluster.mon.start()
        _make_others(cluster)
        cluster.mgr.start()
        cluster.osd.start()
        wait_until(cluster.is_up, "Ceph's OSD", seconds=120)
    except CommandFailed as error:
        raise Missing(f"Ceph: {error}") from error


@contextlib.contextmanager
def ceph(directory: Path) -> Iterator[Ceph]:
    """A cluster with its data in `directory` until the block ends. Raises `Missing`."""
    debian(PACKAGES, "Ceph", provides=["ceph-mon", "ceph-mgr", "ceph-osd", "ceph", "rbd"])
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    with _place(directory) as data:
        for name in ("mon", "mgr", "osd"):
            (data / name).mkdir()
        cluster = known(directory, data, str(uuid.uuid4()))
        try:
            _start(cluster)
            yield cluster
        finally:
            for each in cluster.daemons:
                each.kill()


def known(directory: Path, data: Path, fsid: str) -> Ceph:
    """The cluster in these directories, which somebody else runs, or will."""

    def daemon(kind: str, name: str, keyring: Path) -> Daemon:
        command = [f"ceph-{kind}", "-c", f"{directory}/ceph.conf", "-i", name, "-f", "--keyring", str(keyring)]
        return Daemon(command, directory / f"{kind}.out")

    return Ceph(
        directory,
        data,
        fsid,
        mon=daemon("mon", "a", directory / "mon.keyring"),
        mgr=daemon("mgr", "x", data / "mgr" / "keyring"),
        osd=daemon("osd", "0", data / "osd" / "keyring"),
    )


@contextlib.contextmanager
def _place(directory: Path) -> Iterator[Path]:
    """A directory for what the daemons keep, in memory where there is plenty: they sync after every step."""
    memory = Path("/dev/shm")  # noqa: S108 - made unpredictable below
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 4 * _GIB
    for left in memory.glob("intaglio-ceph-*"):  # by a process that was killed
        if not Path("/proc", left.name.split("-")[2]).exists():
            shutil.rmtree(left, ignore_errors=True)
    prefix = f"intaglio-ceph-{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=prefix, dir=memory if roomy else directory) as place:
        yield Path(place)


def bind(python: Path) -> None:
    """Let a virtual environment import Debian's `rados` and `rbd`: these two modules and nothing else of Debian's.

    They are made for one minor version of Python. Raises `Missing` when that is not the environment's.
    """
    debian(PACKAGES, "Ceph's Python modules", provides=[str(BINDINGS / "rbd-2.0.0.egg-info")])
    asked = "import sysconfig as s; print(s.get_path('platlib'), s.get_config_var('EXT_SUFFIX'))"
    site, suffix = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True).stdout.split()
    for module in ("rados", "rbd"):
        source, target = BINDINGS / f"{module}{suffix}", Path(site) / f"{module}{suffix}"
        if not source.exists():
            raise Missing(f"Ceph's Python module {module}: Debian has it for another Python than {python}")
        if not target.is_symlink():
            with contextlib.suppress(FileExistsError):  # another worker was quicker
                target.symlink_to(source)
