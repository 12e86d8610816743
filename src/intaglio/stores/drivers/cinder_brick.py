"""os-brick: what makes an attached volume reachable on this host, loaded when the first volume is attached.

It takes seconds to load, and brings much with it. All of this blocks, and runs in threads.
"""

import contextlib
import importlib
import os
import shlex
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from intaglio.base.process import this_process
from intaglio.stores.base import Broken, Denied
from intaglio.stores.drivers.cinder_faults import Lost, explained
from intaglio.stores.drivers.cinder_options import CinderOptions

MARK = "intaglio:"
"""How the mount point begins that an attachment of ours is given; behind it stands the name of the process."""
EXTRA = "cinder"

_RBD, _NFS = "rbd", "nfs"
_KEYS = "/etc/ceph"  # where Cinder's and Nova's hosts have them, and os-brick looks
_lock = threading.Lock()


class Device:
    """An attached volume that can be read and, when it was attached for that, written."""

    def __init__(self, rbd: Any = None, file: int = -1, undo: contextlib.ExitStack | None = None) -> None:
        self._rbd = rbd
        self._file = file
        self._undo = undo or contextlib.ExitStack()

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes. Raises OSError and what Ceph's modules raise, EOFError when it is too short."""
        if self._rbd is not None:
            data: bytes = self._rbd.read(offset, length)
        else:
            data = os.pread(self._file, length, offset)
            while 0 < len(data) < length:
                more = os.pread(self._file, length - len(data), offset + len(data))
                if not more:
                    break
                data += more
        if len(data) != length:
            raise EOFError(f"the volume ends at {offset + len(data)}")
        return data

    def write(self, offset: int, data: bytes) -> None:
        """Write all of it."""
        if self._rbd is not None:
            self._rbd.write(data, offset)
            return
        view = memoryview(data)
        while view:
            written = os.pwrite(self._file, view, offset)
            offset, view = offset + written, view[written:]

    def flush(self) -> None:
        """Make what was written durable."""
        if self._rbd is not None:
            self._rbd.flush()
        else:
            os.fsync(self._file)

    def close(self) -> None:
        """End it on our side; twice is fine."""
        self._undo.close()


class Brick:
    """What of os-brick one store uses."""

    def __init__(self, store: str, chosen: CinderOptions, patience: float) -> None:
        self._store = store
        self._options = chosen
        self._patience = patience
        self._described: dict[str, object] | None = None
        self._known: ModuleType | None = None

    def describe(self) -> dict[str, object]:
        """This host as Cinder is told of it, with the process that the attachment is for."""
        with _lock:
            if self._described is None:
                self._described = self._look_at_host()
        return {**self._described, "mountpoint": f"{MARK}{this_process()}"}

    def connect(self, info: Mapping[str, Any], *, write: bool) -> "Connection":
        """Make the volume of an attachment reachable, and open it."""
        made = Connection(self._store, self._connector(info), self._with_patience(info), self._root_helper)
        made.open(write=write)
        return made

    def disconnect(self, info: Mapping[str, Any]) -> None:
        """Undo on this host what a dead process of it did for an attachment."""
        if info.get("driver_volume_type") == _RBD:
            return  # it was in the process itself
        Connection(self._store, self._connector(info), dict(info), self._root_helper).close()

    @property
    def _root_helper(self) -> str:
        return "" if os.geteuid() == 0 else f"sudo glance-rootwrap {self._options.rootwrap_config}"

    def _look_at_host(self) -> dict[str, object]:
        name = socket.gethostname()
        chosen = self._options
        with explained(self._store, "describe this host to Cinder"):
            found: dict[str, object] = self._library.get_connector_properties(
                self._root_helper,
                _address(name),
                chosen.cinder_use_multipath,
                chosen.cinder_enforce_multipath,
                host=name,
            )
        return found

    def _connector(self, info: Mapping[str, Any]) -> Any:
        kind = str(info.get("driver_volume_type", ""))
        if kind == _NFS and info.get("format") == "qcow2":
            raise Broken(f"store {self._store!r}: volumes of NFS in the format qcow2 hold no raw data; use raw ones")
        more = {"nfs_mount_point_base": f"{self._options.cinder_mount_point_base}/nfs"} if kind == _NFS else {}
        with explained(self._store, f"attach a volume by {kind}"):
            return self._library.InitiatorConnector.factory(
                kind, self._root_helper, conn=dict(info), use_multipath=self._options.cinder_use_multipath, **more
            )

    def _with_patience(self, info: Mapping[str, Any]) -> dict[str, Any]:
        """With what bounds the time of calls to Ceph, whose clients wait for ever otherwise.

        os-brick writes the keyring it is given into the file that the client reads its configuration from.
        """
        if info.get("driver_volume_type") != _RBD:
            return dict(info)
        keyring = info.get("keyring")
        if keyring is None:
            keyring = self._key(Path(_KEYS) / f"{info.get('cluster_name')}.client.{info.get('auth_username')}.keyring")
        seconds = max(1, round(self._patience))
        limits = "".join(
            f"{name} = {seconds}\n" for name in ("client_mount_timeout", "rados_mon_op_timeout", "rados_osd_op_timeout")
        )
        return {**info, "keyring": f"{limits}{keyring}"}

    def _key(self, path: Path) -> str:
        try:
            return path.read_text(encoding="utf-8")
        except OSError as error:
            raise Denied(
                f"store {self._store!r} could not attach a volume: {path} cannot be read ({error.strerror}); the "
                "key of Cinder's Ceph user must be there"
            ) from error

    @property
    def _library(self) -> ModuleType:
        if self._known is None:
            self._known = _load(self._store, self._options)
        return self._known


class Connection:
    """One volume on this host."""

    def __init__(self, store: str, connector: Any, info: dict[str, Any], root_helper: str) -> None:
        self._store = store
        self._connector = connector
        self._info = info
        self._root_helper = root_helper
        self._found: dict[str, Any] | None = None
        self._device: Device | None = None
        self.local = info.get("driver_volume_type") == _RBD
        """Whether it is in this process alone; others have a device that processes of the host share."""

    @property
    def device(self) -> Device:
        """What is read and written."""
        if self._device is None:
            raise Lost(f"store {self._store!r}: a volume is not attached any more")
        return self._device

    def open(self, *, write: bool) -> None:
        """Reach and open it; nothing is left when that fails."""
        with explained(self._store, "attach a volume"):
            self._found = self._connector.connect_volume(self._info)
            try:
                self._device = self._opened(self._found["path"], write=write)
            except BaseException:
                self.close()
                raise

    def grown(self) -> None:
        """Take notice that the volume became larger."""
        with explained(self._store, "extend a volume"):
            self._connector.extend_volume(self._info)

    def close(self, *, device: bool = True) -> None:
        """Undo it; with `device` False others of this host go on using the device."""
        opened, self._device = self._device, None
        with explained(self._store, "detach a volume"):
            try:
                if opened is not None:
                    opened.close()
            finally:
                if device:
                    found, self._found = self._found, None
                    self._connector.disconnect_volume(self._info, found, force=True)

    def _opened(self, path: Any, *, write: bool) -> Device:
        undo = contextlib.ExitStack()
        if not isinstance(path, str | bytes):
            return Device(rbd=path.rbd_image, undo=undo)  # os-brick closes it
        try:
            undo.enter_context(self._owned(os.fsdecode(path)))
            file = os.open(path, os.O_CLOEXEC | (os.O_RDWR if write else os.O_RDONLY))
            undo.callback(os.close, file)
        except BaseException:
            undo.close()
            raise
        return Device(file=file, undo=undo)

    @contextlib.contextmanager
    def _owned(self, path: str) -> Iterator[None]:
        """Who is not root becomes the owner of the device for as long."""
        owner = Path(path).stat().st_uid
        if os.geteuid() in {0, owner}:
            yield
            return
        execute = importlib.import_module("oslo_concurrency.processutils").execute
        options = {"run_as_root": True, "root_helper": self._root_helper}
        execute("chown", os.geteuid(), path, **options)
        try:
            yield
        finally:
            execute("chown", owner, path, **options)


def _address(name: str) -> str:
    """An address of this host, as an array is told that exports a volume to it."""
    for family in (socket.AF_INET6, socket.AF_INET):
        with contextlib.suppress(OSError):
            return str(socket.getaddrinfo(name, None, family)[0][4][0])
    return "127.0.0.1"


def _load(store: str, chosen: CinderOptions) -> ModuleType:
    """os-brick, told where its locks are and how it becomes root. What it is told holds for the whole process."""
    # Eventlet's copies of the standard library make threads that never end; its libraries can do without it
    sys.modules.setdefault("eventlet", None)  # type: ignore[arg-type]
    try:
        service = importlib.import_module("oslo_service.backend")
        service.init_backend(service.BackendType.THREADING)
        brick = importlib.import_module("os_brick")
        connector = importlib.import_module("os_brick.initiator.connector")
        privileged = importlib.import_module("os_brick.privileged")
        context = importlib.import_module("oslo_privsep.priv_context")
        conf = importlib.import_module("os_brick.opts").cfg.CONF  # os-brick reads no other; nothing of ours is in it
    except ImportError as error:
        raise Broken(
            f"store {store!r} (type cinder) needs {error.name}, which is not installed; install intaglio[{EXTRA}]"
        ) from error
    brick.setup(conf)
    if chosen.lock_path:
        conf.set_override("lock_path", chosen.lock_path, "os_brick")
        conf.set_override("lock_path", chosen.lock_path, "oslo_concurrency")
        Path(chosen.lock_path).mkdir(parents=True, exist_ok=True)
    if chosen.helper_command:
        conf.set_override("helper_command", chosen.helper_command, "privsep_osbrick")
    elif os.geteuid() == 0:  # no helper is needed
        for each in (privileged.default, privileged.brick_privsep_hide_output):
            each.set_client_mode(False)
    else:
        context.init(root_helper=shlex.split(f"sudo glance-rootwrap {chosen.rootwrap_config}"))
    return connector
