"""Upstreams' OpenPGP signatures: of short texts here, of whole images in a process of their own. See `upstream`."""

import contextlib
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import msgspec

from intaglio.base.errors import Unavailable
from intaglio.signatures.openpgp_process import Answer
from intaglio.signatures.upstream import Key, UpstreamKeyUnknown, UpstreamKeyUnusable, Witness

try:
    from intaglio.signatures import openpgp
except ImportError:  # pragma: no cover - what reads OpenPGP is an extra
    raise UpstreamKeyUnusable(
        "OpenPGP signatures cannot be verified here: the operator installs 'intaglio[openpgp]'."
    ) from None

_PATIENCE_SECONDS = 60.0  # for the answer, once all has been read


class OpenPGPUnavailable(Unavailable):
    """The process that verifies signatures did not."""

    code = "openpgp-unavailable"


class _Ready(msgspec.Struct, frozen=True):
    chosen: openpgp.Chosen
    source: str

    def start(self) -> "_Process":
        return _Process(self.chosen, self.source)


def prepare(signature: bytes, keys: Sequence[Key], by: str | None) -> _Ready:
    """See `upstream.prepare`."""
    wanted = [key.data for key in keys]
    chosen = openpgp.choose(signature, wanted, by)
    return _Ready(chosen, _source(chosen.certificate, keys))


def clear(text: bytes, keys: Sequence[Key], by: str | None) -> tuple[Witness, bytes]:
    """See `upstream.prepare_clear`."""
    if not keys:
        raise UpstreamKeyUnknown("There is no OpenPGP key that the signed list could be judged by.")
    signed = openpgp.verify_clear(text, [key.data for key in keys], by)
    certificate = openpgp.choose(signed.signature, [key.data for key in keys], by).certificate
    return _witness(signed, certificate, _source(certificate, keys)), signed.text


class _Process:
    """Data on their way to the process: see `upstream.Running`."""

    def __init__(self, chosen: openpgp.Chosen, source: str) -> None:
        self._chosen = chosen
        self._source = source
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "intaglio.signatures.openpgp_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        asked = msgspec.json.encode(chosen)
        self._write(len(asked).to_bytes(4) + asked)

    def update(self, data: Any, /) -> None:
        self._write(data)

    def settle(self) -> Witness:
        try:
            said, _ = self._process.communicate(timeout=_PATIENCE_SECONDS)
            answer = msgspec.json.decode(said, type=Answer)
        except (OSError, ValueError, msgspec.DecodeError, subprocess.TimeoutExpired) as error:
            raise OpenPGPUnavailable("The process that verifies OpenPGP signatures ended without a verdict.") from error
        if answer.error:
            raise openpgp.OpenPGPMismatch(answer.error)
        signed = msgspec.json.decode(answer.signed, type=openpgp.Signed)
        return _witness(signed, self._chosen.certificate, self._source)

    def close(self) -> None:
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process.wait()

    def _write(self, data: Any) -> None:
        pipe = self._process.stdin
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):  # it has its answer, or none: `settle` will say
                pipe.write(data)


def _witness(signed: openpgp.Signed, certificate: bytes, source: str) -> Witness:
    return Witness(
        kind="openpgp",
        signer=signed.certificate,
        key=signed.key,
        names=signed.user_ids,
        made_at=signed.made_at,
        hash_name=signed.hash_name,
        key_source=source,
        key_data=certificate,
        signature=signed.signature,
    )


def _source(certificate: bytes, keys: Sequence[Key]) -> str:
    """Which of the files the certificate came from."""
    wanted = openpgp.certificates([certificate])[0].fingerprint
    for key in keys:
        if any(each.fingerprint == wanted for each in openpgp.certificates([key.data])):
            return key.source
    return ""
