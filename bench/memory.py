"""How much memory a server's processes hold, idle and while many images go up and down at once."""

import time

from bench.client import run_together
from bench.images import create, delete, page
from bench.processes import PeakMemory, tree
from bench.servers import Server
from bench.source import Source
from bench.transfers import curl_download, curl_upload, stored

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
    with stored(server, source) as (image,):
        targets = [create(server) for _ in range(streams)]
        up = [curl_upload(f"{server.url}/v2/images/{target}/file", source) for target in targets]
        down = [curl_download(f"{server.url}/v2/images/{image}/file")] * streams
        try:
            with PeakMemory(server.pid) as watched:
                run_together([*up, *down])
        finally:
            for target in targets:
                delete(server, target)
    return growth(idle, watched.peaks) | {"size": source.size / MIB, "streams": streams}
