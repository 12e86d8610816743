"""The cases that move bytes through a real Swift: Intaglio and Glance on it, and the `swift` tool straight to it."""

from collections.abc import Mapping
from pathlib import Path

from tests.starters.base import Missing
from tests.starters.environments import environment
from tests.starters.keystone import keystone
from tests.starters.keystone_people import PASSWORD
from tests.starters.swift import Swift, swift

from bench.back_end import cases, compare
from bench.client import run_together
from bench.run import Run
from bench.transfers import GIB, MB

WHERE = "swift"
_SEGMENT = 100 * 1000 * 1000


def swift_store(run: Run) -> None:
    """One image up and down, each server with a container of its own on the same Swift, behind a Keystone."""
    if not any(run.options.wants(case) for case in cases(WHERE)):
        return
    try:
        with (
            keystone(run.disk / "swift-keystone") as identity,
            swift(run.disk / "swift", identity) as server,
        ):
            compare(run, WHERE, lambda container: _sections(server, container), _Tool(server, run))
    except Missing as missing:
        run.note(f"{WHERE}: {missing}")


def _sections(server: Swift, container: str) -> str:
    assert server.keystone is not None  # noqa: S101 - it was started with one
    return (
        "[glance_store]\nstores = swift\ndefault_store = swift\n"
        f"swift_store_auth_address = {server.keystone.url}\nswift_store_user = alpha:mia\n"
        f"swift_store_key = {PASSWORD}\nswift_store_region = {server.region}\n"
        f"swift_store_container = {container}\nswift_store_create_container_on_put = true\n"
    )


class _Tool:
    """python-swiftclient's own program: segments of 100 MB, as many at once as it likes."""

    name = "swift"

    def __init__(self, server: Swift, run: Run) -> None:
        assert server.keystone is not None  # noqa: S101 - as above
        self._program = str(environment("glance") / "swift")
        self._size = run.source.size
        self._source = str(run.source.path)
        self._target = Path(run.memory / "swift-fetched")
        self._environment = {
            "OS_AUTH_URL": server.keystone.url,
            "OS_USERNAME": "mia",
            "OS_PASSWORD": PASSWORD,
            "OS_PROJECT_NAME": "alpha",
            "OS_USER_DOMAIN_ID": "default",
            "OS_PROJECT_DOMAIN_ID": "default",
            "OS_REGION_NAME": server.region,
            "OS_IDENTITY_API_VERSION": "3",
        }

    def upload(self) -> Mapping[str, float]:
        """The source to a container, in segments."""
        words = ["--object-name", "object", "--segment-size", str(_SEGMENT), "--use-slo"]
        return self._timed("upload", *words, "bench-tool", self._source)

    def download(self) -> Mapping[str, float]:
        """The object to memory."""
        self._target.unlink(missing_ok=True)
        return self._timed("download", "bench-tool", "object", "--output", str(self._target))

    def _timed(self, *words: str) -> Mapping[str, float]:
        ran = run_together([[self._program, "--quiet", *words]], self._environment)
        return {"rate": self._size / MB / ran.elapsed, "client_cpu": ran.cpu / self._size * GIB}
