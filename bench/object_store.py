"""The cases that move bytes through a real S3 server: Intaglio and Glance on it, and rclone straight to it."""

import os
from collections.abc import Mapping

from tests.starters.base import Missing, debian
from tests.starters.s3 import S3, s3

from bench.back_end import cases, compare
from bench.client import run_together
from bench.run import Run
from bench.transfers import GIB, MB

WHERE = "s3"
_SIDE_BY_SIDE = 4  # of the tool, up and down


def object_store(run: Run) -> None:
    """One image up and down, each server with a bucket of its own on the same S3 server."""
    if not any(run.options.wants(case) for case in cases(WHERE)):
        return
    directory = run.disk / "s3"
    directory.mkdir()
    try:
        debian(["rclone"], "the S3 benchmark's own tool", provides=["rclone"])
        with s3(directory, megabytes=8192) as server:
            compare(run, WHERE, lambda bucket: _sections(server, bucket), _Rclone(server, run))
    except Missing as missing:
        run.note(f"{WHERE}: {missing}")


def _sections(server: S3, bucket: str) -> str:
    return (
        "[glance_store]\nstores = s3\ndefault_store = s3\n"
        f"s3_store_host = {server.url}\ns3_store_access_key = {server.access}\n"
        f"s3_store_secret_key = {server.secret}\ns3_store_bucket = {bucket}\ns3_store_create_bucket_on_put = true\n"
    )


class _Rclone:
    """rclone, with as many parts and ranges side by side as are usual."""

    name = "rclone"

    def __init__(self, server: S3, run: Run) -> None:
        self._size = run.source.size
        self._source = str(run.source.path)
        self._target = str(run.memory / "fetched")
        self._remote = "bench:bench-rclone/object"
        settings = {
            "type": "s3",
            "provider": "Other",
            "endpoint": server.url,
            "access_key_id": server.access,
            "secret_access_key": server.secret,
            "chunk_size": "10M",
            "upload_concurrency": str(_SIDE_BY_SIDE),
        }
        self._environment = {f"RCLONE_CONFIG_BENCH_{name.upper()}": value for name, value in settings.items()}
        self._environment |= {"RCLONE_CONFIG": os.devnull, "AWS_CA_BUNDLE": ""}  # this machine's own are not meant

    def upload(self) -> Mapping[str, float]:
        """The source to the bucket."""
        return self._copy(self._source, self._remote)

    def download(self) -> Mapping[str, float]:
        """The object to memory."""
        return self._copy(self._remote, self._target)

    def _copy(self, source: str, target: str) -> Mapping[str, float]:
        streams = f"--multi-thread-streams={_SIDE_BY_SIDE}"
        command = [self.name, "copyto", "--ignore-times", "--multi-thread-cutoff=32M", streams, source, target]
        ran = run_together([command], self._environment)
        return {"rate": self._size / MB / ran.elapsed, "client_cpu": ran.cpu / self._size * GIB}
