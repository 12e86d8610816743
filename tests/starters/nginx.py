"""Debian's nginx serving one directory on a free port of 127.0.0.1: the machine's own limit for downloads."""

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

from tests.starters.base import Missing, debian, free_port, listening, process, wait_until


@dataclasses.dataclass(frozen=True)
class Nginx:
    url: str
    pid: int
    port: int


def _configuration(directory: Path, work: Path, port: int, workers: int, certificate: Path | None) -> str:
    # Started by root, its workers would be nobody's and could not read private files.
    user = "user root;" if os.geteuid() == 0 else ""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = " ".join(f"{kind}_temp_path {work}/{kind};" for kind in kinds)
    secure = "" if certificate is None else f"ssl_certificate {certificate}; ssl_certificate_key {certificate};"
    return f"""daemon off;
{user}
worker_processes {workers};
pid {work}/nginx.pid;
error_log {work}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 100000000;
    default_type application/octet-stream;
    {temporary}
    server {{ listen 127.0.0.1:{port}{" ssl" if secure else ""}; root {directory}; {secure} }}
}}
"""


@contextlib.contextmanager
def nginx(directory: Path, work: Path, *, workers: int = 2, certificate: Path | None = None) -> Iterator[Nginx]:
    """Serve `directory` until the block ends; configuration and logs are kept in `work`. Raises `Missing`.

    With a `certificate`, a file that holds its key as well, it is served by https.
    """
    debian(["nginx-light"], "nginx", provides=["/usr/sbin/nginx"])
    work.mkdir(parents=True, exist_ok=True)
    work = work.resolve()
    port = free_port()
    conf = work / "nginx.conf"
    conf.write_text(_configuration(directory.resolve(), work, port, workers, certificate))
    with process(
        ["/usr/sbin/nginx", "-c", conf, "-p", work, "-e", work / "error.log"], log=work / "out.log"
    ) as running:

        def ready() -> bool:
            if running.poll() is not None:
                raise Missing(f"nginx ended while starting, see {work}/error.log")
            return listening(port)

        wait_until(ready, "nginx")
        yield Nginx(f"http{'s' if certificate else ''}://127.0.0.1:{port}", running.pid, port)
