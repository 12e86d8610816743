"""What verifying a signature adds to an upload: the same file, unsigned and signed, in turns at one server.

Only ours: a Glance would need a key manager beside it.
"""

import base64
import functools
import hashlib
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, utils
from tests.starters import signers

from bench.run import Run
from bench.source import Source
from bench.transfers import upload

PLAIN, SIGNED = "upload-unsigned@memory", "upload-signed@memory"


def signing(run: Run) -> None:
    """RSA-PSS with SHA-256, which is what most tools make."""
    if not any(run.options.wants(case) for case in (PLAIN, SIGNED)):
        return
    name = run.options.ours
    with run.server(name, "signing", run.memory, run.empty) as started:
        for server in started:
            signer = signers.signer("Bench")
            signers.keep(run.disk / "signing" / name / "data" / "certificates", signer)
            properties = _properties(signer, run.source)
            plain = functools.partial(upload, server, run.source, 1, run.options.client)
            signed = functools.partial(plain, properties=properties)
            run.repeat([(PLAIN, name, plain), (SIGNED, name, signed)])


def _properties(signer: signers.Signer, source: Source) -> dict[str, str]:
    """The properties of an image with the source's bytes, which need not fit into memory."""
    method = hashes.SHA256()
    mask = padding.PSS(padding.MGF1(method), padding.PSS.MAX_LENGTH)
    made = signer.key.sign(_sha256(source.path), mask, utils.Prehashed(method))
    return signer.properties(b"") | {"img_signature": base64.b64encode(made).decode()}


def _sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
