"""What a result was measured on: processor, memory, disk, kernel, and the version of everything that took part."""

import importlib.metadata
import os
import platform
import re
import sqlite3
import subprocess
import time
from pathlib import Path

from tests.starters.environments import ENVIRONMENTS

from bench.client import Failed

_HASHES = ("md5", "sha512")


def facts(store: Path) -> dict[str, str]:
    """The machine, and the file system of the directory `store`."""
    cpu = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": cpu[1] if cpu else platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": f"{pages / 2**30:.1f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "disk": file_system(store),
    }


def file_system(path: Path) -> str:
    """Type and device of the file system that holds `path`."""
    path = path.resolve()
    best = ("/", "unknown")
    for line in Path("/proc/self/mounts").read_text().splitlines():
        device, point, kind = line.split()[:3]
        if path.is_relative_to(point) and len(point) >= len(best[0]):
            best = (point, f"{kind} on {device}")
    return best[1]


def _said(command: list[str], pattern: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "absent"
    found = re.search(pattern, done.stdout + done.stderr)
    return found[1] if found else "unknown"


def versions() -> dict[str, str]:
    pinned = dict(requirement.split("==") for requirement in ENVIRONMENTS["glance"])
    return {
        "intaglio": importlib.metadata.version("intaglio"),
        "granian": importlib.metadata.version("granian"),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "glance": pinned["glance"],
        "uwsgi": pinned["uwsgi"],
        "nginx": _said(["/usr/sbin/nginx", "-v"], r"nginx/(\S+)"),
        "curl": _said(["curl", "--version"], r"curl (\S+)"),
        "wrk": _said(["wrk", "-v"], r"wrk (?:debian/)?(\S+)"),
        "openssl": _said(["openssl", "version"], r"OpenSSL (\S+)"),
    }


def hash_rates(seconds: int = 1) -> dict[str, float]:
    """MB a second that OpenSSL hashes on one core, for each hash that an upload needs."""
    rates = {}
    for name in _HASHES:
        command = ["openssl", "speed", "-mr", "-seconds", str(seconds), "-bytes", str(2**20), "-evp", name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        rates[name] = parse_speed(done.stdout)
    return rates


def parse_speed(output: str) -> float:
    """MB a second from what `openssl speed -mr` prints: the last column of its +F line, in bytes a second."""
    for line in output.splitlines():
        if line.startswith("+F:"):
            return float(line.split(":")[-1]) / 1e6
    raise Failed(f"openssl speed printed no result: {output[-300:]}")


def disk_rate(directory: Path, size: int) -> float:
    """MB a second at which a new file reaches the disk, with its last byte."""
    path = directory / "disk-rate"
    piece = os.urandom(2**22)
    started = time.perf_counter()
    with path.open("wb", buffering=0) as out:
        for _ in range(0, size, len(piece)):
            out.write(piece)
        os.fsync(out.fileno())
    elapsed = time.perf_counter() - started
    path.unlink()
    return size / 1e6 / elapsed
