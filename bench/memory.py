"""How much memory a server's processes hold, idle and while many images go up and down at once."""

import time

from bench.client import run_together
from bench.images import create, delete, page
from bench.processes import PeakMemory, tree
from bench.servers import Server
from bench.source import Source
from bench.transfers import downloading, file_url, stored, uploading

MIB = 2**20


def growth(idle: dict[int, int], peaks: dict[int, int]) -> dict[str, float]:
    """Sums over all processes, and the growth of the one that grew most; bytes in, MiB out.

    A process that was not there while idle counts whole.
    """
    most = max(peak - idle.get(pid, 0) for pid, peak in peaks.items())
    return {"idle": sum(idle.values()) / MIB, "peak": sum(peaks.values()) / MIB, "growth": most / MIB}


def under_load(server: Server, source: Source, streams: int) -> dict[str, float]:
    """`streams` uploads and as many downloads at the same time, watched."""
    for _ in range(20):  # each process has imported what answering needs
        page(server, "limit=25")
    time.sleep(1)
    idle = {stat.pid: stat.resident for stat in tree(server.pid)}
    with stored(server, source) as image:
        targets = [create(server) for _ in range(streams)]
        up = [uploading("curl", file_url(server, target), source.path) for target in targets]
        down = [downloading("curl", file_url(server, image))] * streams
        try:
            with PeakMemory(server.pid) as watched:
                ran = run_together([*up, *down], tolerant=True)
        finally:
            for target in targets:
                delete(server, target)
    failed = len(ran.failures) / (2 * streams) * 100
    return growth(idle, watched.peaks) | {"size": source.size / MIB, "streams": streams, "failed": failed}
