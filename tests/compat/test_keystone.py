"""The real client logs in at a real Keystone, finds Intaglio in its catalogue, and works."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compat.behind_keystone import service_behind
from tests.compat.conftest import Clients, Service
from tests.starters.clients import clients
from tests.starters.keystone import Keystone

pytestmark = [pytest.mark.ours, pytest.mark.real, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def service(identity: Keystone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service_behind(identity, tmp_path_factory.mktemp("keystone")) as found:
        yield found


class Terminal(Clients):
    """The `openstack` command as somebody."""

    def as_(self, cloud: str, *words: str | Path) -> tuple[int, str]:
        """Exit status and output of `openstack --os-cloud … image …`."""
        status, output, errors = self.run("openstack", "--os-cloud", cloud, "image", *words)
        return status, output + errors


@pytest.fixture(scope="module")
def terminal(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    return Terminal(clients(), service, tmp_path_factory.mktemp("home"))


@pytest.mark.parametrize("cloud", ["password", "credential"])
def test_an_image_comes_and_goes(terminal: Terminal, identity: Keystone, cloud: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.write_bytes(b"0" * 100_000)
    words = ("create", "--file", data, "--disk-format", "raw", "--container-format", "bare", f"by {cloud}")
    status, output = terminal.as_(cloud, *words, "-f", "json")
    assert status == 0, output
    made = json.loads(output)
    assert (made["status"], made["owner"]) == ("active", identity.ids["project/alpha"])
    assert terminal.as_(cloud, "save", "--file", tmp_path / "back", made["id"])[0] == 0
    assert (tmp_path / "back").read_bytes() == data.read_bytes()
    assert terminal.as_(cloud, "delete", made["id"])[0] == 0


def test_an_image_is_shared(terminal: Terminal, identity: Keystone) -> None:
    status, output = terminal.as_("password", "create", "--shared", "for beta", "-f", "json")
    assert status == 0, output
    made, beta = json.loads(output)["id"], identity.ids["project/beta"]
    status, output = terminal.as_("password", "add", "project", made, beta)
    assert status == 0, output
    assert terminal.as_("other", "set", "--accept", made)[0] == 0
    status, output = terminal.as_("password", "member", "list", made, "-f", "json")
    assert json.loads(output) == [{"Image ID": made, "Member ID": beta, "Status": "accepted"}]
    status, output = terminal.as_("other", "list", "--shared", "-f", "json")
    assert [image["ID"] for image in json.loads(output)] == [made]


def test_what_is_refused_is_said(terminal: Terminal) -> None:
    status, output = terminal.as_("lister", "list", "-f", "json")
    assert status == 0, output
    status, output = terminal.as_("lister", "create", "x")
    assert status != 0
    assert "access rules" in output
    status, output = terminal.as_("system", "list")
    assert status != 0
    assert "403" in output
    status, output = terminal.as_("wrong", "list")
    assert status != 0
    assert "401" in output
