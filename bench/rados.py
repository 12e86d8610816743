"""The cases that move bytes through a real Ceph: Intaglio and Glance on it, and `rbd import` and `rbd export`."""

from collections.abc import Mapping

from tests.starters.base import Missing
from tests.starters.ceph import Ceph, bind, ceph
from tests.starters.environments import environment

from bench.back_end import cases, compare
from bench.client import run_together
from bench.run import Run
from bench.transfers import GIB, MB

WHERE = "rbd"


def rados(run: Run) -> None:
    """One image up and down, each server with a pool of its own in the same cluster, whose one disk is memory."""
    if not any(run.options.wants(case) for case in cases(WHERE)):
        return
    try:
        bind(environment("glance") / "python")
        with ceph(run.disk / "ceph") as cluster:
            tool = _Rbd(cluster, run)
            compare(run, WHERE, lambda pool: _sections(cluster, pool), tool)
    except Missing as missing:
        run.note(f"{WHERE}: {missing}")


def _sections(cluster: Ceph, pool: str) -> str:
    cluster.make_pool(pool)
    return (
        "[glance_store]\nstores = rbd\ndefault_store = rbd\n"
        f"rbd_store_ceph_conf = {cluster.conf}\nrbd_store_user = {cluster.user}\nrbd_store_pool = {pool}\n"
    )


class _Rbd:
    """Ceph's own tool; it moves ten pieces at once."""

    name = "rbd"

    def __init__(self, cluster: Ceph, run: Run) -> None:
        self._cluster = cluster
        self._size = run.source.size
        self._source = str(run.source.path)
        self._target = run.memory / "exported"
        self._pool = cluster.make_pool("bench-tool")
        self._number = 0

    @property
    def _image(self) -> str:
        return f"{self._pool}/image-{self._number}"

    def upload(self) -> Mapping[str, float]:
        """A new image each time; the one before is removed first."""
        if self._number:
            self._cluster.run("rbd", "rm", "--no-progress", self._image)
        self._number += 1
        return self._timed("import", "--order", "23", self._source, self._image)

    def download(self) -> Mapping[str, float]:
        """The last one."""
        self._target.unlink(missing_ok=True)
        return self._timed("export", self._image, str(self._target))

    def _timed(self, *words: str) -> Mapping[str, float]:
        command = ["rbd", "--conf", str(self._cluster.conf), "--no-progress", *words]
        ran = run_together([command], {})
        return {"rate": self._size / MB / ran.elapsed, "client_cpu": ran.cpu / self._size * GIB}
