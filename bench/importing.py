"""Whole imports: a web-download of raw data, and one that is converted, each server with the same options.

What a server writes counts as the kernel counts it, whether it is kept or not: bytes that it made dirty in files.
"""

import contextlib
import functools
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import httpx
from tests.starters.base import Missing, debian

from bench.client import Failed, run_together
from bench.processes import cpu_seconds, tree
from bench.run import Run
from bench.servers import STARTERS, Place, Server, nginx_server

RAW, CONVERTED = "import-raw", "import-convert"
_MIB = 1 << 20
_LOOK = 0.1  # seconds between two looks at the disk
_PATIENCE = 600.0
_PIECE = 1 << 20

_PLUGINS = "[image_import_opts]\nimage_import_plugins = [image_conversion]\n[image_conversion]\noutput_format = raw\n"


def importing(run: Run) -> None:
    """Both cases, each with its own pair of servers, by a source in memory that nginx serves."""
    wanted = [case for case in (RAW, CONVERTED) if run.options.wants(case)]
    if not wanted:
        return
    served = run.memory / "served"
    served.mkdir()
    served.chmod(0o755)
    run.memory.chmod(0o755)  # nginx reads as nobody
    try:
        debian(["qemu-utils"], "the import that is converted", provides=["qemu-img"])
        with nginx_server(served, run.memory / "import-nginx") as source:
            for case in wanted:
                file = served / case
                disk_format, size = _make(case, file, run)
                _measure(run, case, f"{source.url}/{case}", disk_format, size)
                file.unlink()
    except Missing as missing:
        run.note(f"import: {missing}")


def _make(case: str, file: Path, run: Run) -> tuple[str, int]:
    """The file that is fetched; its format, and the size of the disk in it."""
    if case == RAW:
        os.link(run.source.path, file)
        file.chmod(0o644)
        return "raw", run.source.size
    size = 2 * run.options.size
    plain = file.with_suffix(".plain")
    with plain.open("wb") as out:  # half of it is data that pack to half their size, as those of systems do
        for _ in range(0, size // 2, 2 * _PIECE):
            out.write(os.urandom(_PIECE // 2).hex().encode())
            out.seek(_PIECE, os.SEEK_CUR)
            out.write(os.urandom(_PIECE // 2).hex().encode())
            out.seek(_PIECE, os.SEEK_CUR)
        out.truncate(size)
    run_together([["qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-c", str(plain), str(file)]])
    plain.unlink()
    return "qcow2", size


def _measure(run: Run, case: str, url: str, disk_format: str, size: int) -> None:
    port = httpx.URL(url).port
    options = f"[import_filtering_opts]\nallowed_hosts = [127.0.0.1]\nallowed_ports = [{port}]\n"
    options += _PLUGINS if case == CONVERTED else ""
    with contextlib.ExitStack() as stack:
        work = []
        for name in (run.options.ours, "glance"):
            own = run.disk / case / name
            place = Place(own / "work", own / "store", run.empty, more=options, identified=True)
            server = stack.enter_context(STARTERS[name](place))
            work.append((case, name, functools.partial(_imported, server, own, url, disk_format, size)))
        run.repeat(work)


def _imported(server: Server, own: Path, url: str, disk_format: str, size: int) -> dict[str, float]:
    """Import once, and delete the image again."""
    with httpx.Client(base_url=server.url, headers=server.headers, timeout=60) as client:
        new = {"name": "bench", "disk_format": disk_format, "container_format": "bare"}
        image = str(client.post("/v2/images", json=new).raise_for_status().json()["id"])
        os.sync()  # what earlier runs left to be written is not this run's
        before = cpu_seconds(server.pid), written(server.pid)
        began = time.perf_counter()
        try:
            with PeakDisk(own, server.pid) as disk:
                body = {"method": {"name": "web-download", "uri": url}}
                answer = client.post(f"/v2/images/{image}/import", json=body)
                if answer.status_code != httpx.codes.ACCEPTED:
                    raise Failed(f"{server.name}: import answered {answer.status_code}: {answer.text[:200]}")
                _wait(server.name, client, image, size)
                elapsed = time.perf_counter() - began
            return {
                "elapsed": elapsed,
                "spent": cpu_seconds(server.pid) - before[0],
                "written": (written(server.pid) - before[1]) / _MIB,
                "disk": disk.peak / _MIB,
            }
        finally:
            client.delete(f"/v2/images/{image}")


def _wait(name: str, client: httpx.Client, image: str, size: int) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        shown = client.get(f"/v2/images/{image}").json()
        if shown["status"] == "active":
            if shown["size"] != size or shown["disk_format"] != "raw":
                raise Failed(f"{name}: the image has {shown['size']} bytes of {shown['disk_format']}")
            return
        if shown["status"] not in {"queued", "importing"} or shown.get("os_glance_failed_import"):
            break
        time.sleep(0.05)
    raise Failed(f"{name}: the import failed, or took too long")


def written(root: int) -> int:
    """Bytes that a tree of processes made dirty in files since it started, ended processes included."""
    total = 0
    for each in tree(root):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{each.pid}/io").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("write_bytes:"))
    return total


class PeakDisk:
    """Within `with`, watches how much more space a directory takes than before, unnamed files of a tree included."""

    def __init__(self, directory: Path, root: int) -> None:
        self._used: Callable[[], int] = lambda: _named(directory) + _unnamed(root)
        self._before = self._used()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.peak = 0

    def look(self) -> None:
        self.peak = max(self.peak, self._used() - self._before)

    def _watch(self) -> None:
        while not self._done.wait(_LOOK):
            self.look()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self.look()


def _named(directory: Path) -> int:
    total = 0
    for path in directory.rglob("*"):
        with contextlib.suppress(OSError):
            facts = path.lstat()
            total += facts.st_blocks * 512 if stat.S_ISREG(facts.st_mode) else 0
    return total


def _unnamed(root: int) -> int:
    """Space of files without a name that somebody in the tree has open."""
    found: dict[tuple[int, int], int] = {}
    for facts in _open_files(root):
        if stat.S_ISREG(facts.st_mode) and not facts.st_nlink:
            found[facts.st_dev, facts.st_ino] = facts.st_blocks * 512
    return sum(found.values())


def _open_files(root: int) -> Iterator[os.stat_result]:
    for each in tree(root):
        with contextlib.suppress(OSError):
            for link in Path(f"/proc/{each.pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    yield link.stat()
