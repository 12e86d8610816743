"""A service that makes its own database has definitions; they are not put back, and not put anywhere else."""

from pathlib import Path

import httpx

from tests.starters.intaglio import Intaglio, User, intaglio

ANN = User("ann", "alpha", ("admin",))


def namespaces(service: Intaglio) -> list[str]:
    answer = httpx.get(f"{service.url}/v2/metadefs/namespaces?limit=1000", auth=(ANN.name, ANN.password), timeout=60)
    return sorted(each["namespace"] for each in answer.json()["namespaces"])


def test_only_the_embedded_default_is_filled(tmp_path: Path) -> None:
    with intaglio(tmp_path / "embedded", users=[ANN], workers=1) as service:
        assert "OS::Compute::Devices" in namespaces(service)
        service.run("metadef", "unload", "--all", "--data-dir", service.data)
        assert namespaces(service) == []
        service.restart()
        assert namespaces(service) == []
    chosen = f"[database]\nconnection = sqlite:///{tmp_path}/chosen.sqlite\n"
    with intaglio(tmp_path / "chosen", users=[ANN], workers=1, conf=chosen) as service:
        assert namespaces(service) == []
