"""Ceph's own S3 server on a cluster of the tests: Debian's radosgw, on a free port of 127.0.0.1.

with radosgw(cluster, directory) as server:
    requests to server.url, signed with server.access and server.secret ...
"""

import contextlib
import dataclasses
import uuid
from collections.abc import Iterator
from pathlib import Path

from tests.starters.base import Missing, debian, free_port, listening, process, wait_until
from tests.starters.ceph import Ceph, CommandFailed

PACKAGES = ("radosgw",)


@dataclasses.dataclass(frozen=True)
class RadosGateway:
    """A server that runs."""

    url: str
    access: str
    secret: str = "gateway/secret+key=0123456789"


@contextlib.contextmanager
def radosgw(cluster: Ceph, directory: Path) -> Iterator[RadosGateway]:
    """A server with one user, who may make buckets, until the block ends; its pools stay. Raises `Missing`."""
    debian(PACKAGES, "Ceph's S3 server", provides=["radosgw", "radosgw-admin"])
    port = free_port()
    name, keyring = f"client.rgw.p{port}", directory / "keyring"
    # of this server alone: others may be, or may have been, on the same cluster
    server = RadosGateway(f"http://127.0.0.1:{port}", f"gateway-{uuid.uuid4().hex[:12]}")
    login = ["-n", name, "--keyring", str(keyring)]
    user = ["user", "create", f"--uid={server.access}", "--display-name=images"]
    try:
        allowed = ["mon", "allow rw", "osd", "allow rwx", "mgr", "allow rw"]
        keyring.write_text(cluster.run("ceph", "auth", "get-or-create", name, *allowed))
        words = [f"--access-key={server.access}", f"--secret={server.secret}"]
        cluster.run("radosgw-admin", *login, *user, *words)
    except CommandFailed as error:
        raise Missing(f"Ceph's S3 server: {error}") from error
    command = [
        *("radosgw", "--conf", str(cluster.conf), *login, "-f", f"--rgw-data={directory}"),
        *(f"--rgw-frontends=beast endpoint=127.0.0.1:{port}", "--rgw-thread-pool-size=64"),
        *("--rgw-dynamic-resharding=false", "--rgw-enable-usage-log=false", f"--log-file={directory}/rgw.log"),
    ]
    with process(command, log=directory / "rgw.out") as running:

        def ready() -> bool:
            if running.poll() is not None:
                raise Missing(f"Ceph's S3 server ended while starting, see {directory}/rgw.out")
            return listening(port)

        wait_until(ready, "Ceph's S3 server", seconds=90)
        yield server
