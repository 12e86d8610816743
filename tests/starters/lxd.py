"""The client of LXD, from Debian: it reads simplestreams without a server, and verifies what it fetches.

It takes streams by TLS only: `tree` shows a directory so, on a port of 127.0.0.1 with a certificate of its own.
"""

import contextlib
import datetime as dt
import functools
import ipaddress
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.starters.base import debian


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@contextlib.contextmanager
def tree(directory: Path, home: Path) -> Iterator[tuple[str, Path]]:
    """A directory by https: its address, and the certificate that clients have to trust."""
    certificate, key = _certificate(home)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(directory)))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}", certificate
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Lxc:
    """The command `lxc`, with a directory of its own. Raises `Missing`."""

    def __init__(self, home: Path, certificate: Path) -> None:
        debian(["lxd-client"], "LXD's client", provides=["lxc"])
        self._home = home
        (home / "lxc").mkdir()
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LXD_CONF": str(home / "lxc"),
            "SSL_CERT_FILE": str(certificate),
        }

    def __call__(self, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            ["lxc", *words], env=self._environment, cwd=self._home, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stderr + done.stdout
        return done.stdout


def _certificate(home: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test web server")])
    now = dt.datetime.now(dt.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=2))
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = made.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    home.mkdir(parents=True, exist_ok=True)
    (home / "web.crt").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.TraditionalOpenSSL
    (home / "web.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return home / "web.crt", home / "web.key"
