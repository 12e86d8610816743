"""Whole images up and down, by client processes; rates, and what they cost the server's processors."""

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

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

Client = Literal["curl", "lean"]

# --write-out: what curl itself counted, after its own start. bench.lean prints the same, and more.
_CURL = ("curl", "--silent", "--show-error", "--fail", "--output", os.devnull)
_COUNTED = "%{http_code} %{time_total} %{size_upload} %{size_download}\n"
CURL_FIELDS = 4


def file_url(server: Server, image: str) -> str:
    return f"{server.url}/v2/images/{image}/file"


def uploading(client: Client, url: str, path: Path) -> list[str]:
    """A command that sends the file whole; without "Expect", which some servers leave unanswered for a second."""
    if client == "lean":
        return [sys.executable, "-m", "bench.lean", "put", url, str(path)]
    headers = ["--header", "Content-Type: application/octet-stream", "--header", "Expect:"]
    return [*_CURL, "--write-out", _COUNTED, *headers, "--upload-file", str(path), url]


def downloading(client: Client, url: str) -> list[str]:
    """A command that fetches and drops."""
    if client == "lean":
        return [sys.executable, "-m", "bench.lean", "get", url]
    return [*_CURL, "--write-out", _COUNTED, url]


def elapsed(counted: list[list[str]], ran: Ran) -> float:
    """Seconds from the first client's begin to the last one's end, as exactly as the clients tell."""
    if len(counted[0]) > CURL_FIELDS:
        return max(float(words[5]) for words in counted) - min(float(words[4]) for words in counted)
    return float(counted[0][1]) if len(counted) == 1 else ran.elapsed


def _metrics(server: Server, ran: Ran, spent: float, size: int, moved: Literal["up", "down"]) -> dict[str, float]:
    counted = [line.split() for line in ran.outputs]
    column = 2 if moved == "up" else 3
    if any(int(float(words[column])) != size for words in counted):
        raise Failed(f"{server.name}: not all of {size} bytes went {moved}: {counted}")
    total = size * len(counted)
    return {
        "rate": total / MB / elapsed(counted, ran),
        "cpu": spent / total * GIB,
        "client_cpu": ran.cpu / total * GIB,
    }


def upload(
    server: Server,
    source: Source,
    streams: int,
    client: Client = "curl",
    properties: Mapping[str, str] | None = None,
) -> dict[str, float]:
    """Send the source to `streams` new images at once; they are verified, and deleted afterwards."""
    images = [create(server, properties) for _ in range(streams)]
    try:
        before = cpu_seconds(server.pid)
        commands = [uploading(client, file_url(server, image), source.path) for image in images]
        ran = run_together(commands, apart=APART)
        spent = cpu_seconds(server.pid) - before
        for image in images:
            verify(server, image, source.md5)
    finally:
        for image in images:
            delete(server, image)
    return _metrics(server, ran, spent, source.size, "up")


def download(server: Server, path: str, size: int, streams: int, client: Client = "curl") -> dict[str, float]:
    """Fetch the file at `path` by `streams` clients at once."""
    before = cpu_seconds(server.pid)
    ran = run_together([downloading(client, server.url + path)] * streams)
    return _metrics(server, ran, cpu_seconds(server.pid) - before, size, "down")


@contextlib.contextmanager
def stored(server: Server, source: Source) -> Iterator[str]:
    """The id of an image that holds the source while the block runs."""
    image = create(server)
    try:
        run_together([uploading("curl", file_url(server, image), source.path)])
        verify(server, image, source.md5)
        yield image
    finally:
        delete(server, image)
