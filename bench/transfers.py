"""Whole images up and down, by curl processes; rates and what they cost the server's processors."""

import contextlib
import os
from collections.abc import Iterator, Sequence

from bench.client import Failed, Ran, run_together
from bench.images import create, delete, verify
from bench.processes import cpu_seconds
from bench.servers import Server
from bench.source import Source

GIB = 2**30
MB = 10**6

APART = 0.1
"""Seconds between the starts of simultaneous uploads: Glance answers 500 (database is locked) on SQLite when several
change an image's status in the same moment."""

# --write-out: what curl itself counted, after its own start
_CURL = ("curl", "--silent", "--show-error", "--fail", "--output", os.devnull)
_COUNTED = "%{http_code} %{time_total} %{size_upload} %{size_download}\n"


def curl_upload(url: str, source: Source) -> list[str]:
    """A command that sends the file whole; without "Expect", which some servers leave unanswered for a second."""
    headers = ["--header", "Content-Type: application/octet-stream", "--header", "Expect:"]
    return [*_CURL, "--write-out", _COUNTED, *headers, "--upload-file", str(source.path), url]


def curl_download(url: str) -> list[str]:
    return [*_CURL, "--write-out", _COUNTED, url]


def _metrics(server: Server, ran: Ran, spent: float, size: int, moved: str) -> dict[str, float]:
    """Rates from the programs' own clock for one stream, from the first start to the last end for several."""
    counted = [line.split() for line in ran.outputs]
    column = 2 if moved == "up" else 3
    if any(int(float(words[column])) != size for words in counted):
        raise Failed(f"{server.name}: not all of {size} bytes went {moved}: {counted}")
    total = size * len(counted)
    elapsed = float(counted[0][1]) if len(counted) == 1 else ran.elapsed
    return {
        "rate": total / MB / elapsed,
        "cpu": spent / total * GIB,
        "client_cpu": ran.cpu / total * GIB,
    }


def upload(server: Server, source: Source, streams: int) -> dict[str, float]:
    """Send the source to `streams` new images at once; they are verified, and deleted afterwards."""
    images = [create(server) for _ in range(streams)]
    os.sync()  # what earlier runs left to be written is not this run's
    try:
        before = cpu_seconds(server.pid)
        commands = [curl_upload(f"{server.url}/v2/images/{image}/file", source) for image in images]
        ran = run_together(commands, apart=APART)
        spent = cpu_seconds(server.pid) - before
        for image in images:
            verify(server, image, source.md5)
    finally:
        for image in images:
            delete(server, image)
    return _metrics(server, ran, spent, source.size, "up")


def download(server: Server, url: str, size: int, streams: int) -> dict[str, float]:
    """Fetch the file at `url` by `streams` clients at once."""
    before = cpu_seconds(server.pid)
    ran = run_together([curl_download(url)] * streams)
    return _metrics(server, ran, cpu_seconds(server.pid) - before, size, "down")


@contextlib.contextmanager
def stored(server: Server, source: Source, number: int = 1) -> Iterator[Sequence[str]]:
    """Images that hold the source, while the block runs."""
    images = []
    try:
        for _ in range(number):
            images.append(create(server))
            run_together([curl_upload(f"{server.url}/v2/images/{images[-1]}/file", source)])
            verify(server, images[-1], source.md5)
        yield images
    finally:
        for image in images:
            delete(server, image)
