"""An image passes from one project to another, and stores are looked into, by each of the real clients."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.conftest import several_stores
from tests.api.copies import add_copy
from tests.compat.conftest import Clients, Service
from tests.starters.clients import clients
from tests.starters.intaglio import intaglio

# the real Glance is started here without logins, so that there is nobody to share with
pytestmark = [pytest.mark.real, pytest.mark.ours, pytest.mark.timeout(300)]


def test_openstack_command(user: Clients, other: Clients) -> None:
    made = user.document("create", "--shared", "to be shared")["id"]
    added = user.document("add", "project", made, "other")
    assert (added["member_id"], added["status"]) == ("other", "pending")
    assert other.document("list", "--member-status", "pending")[0]["ID"] == made
    other.openstack("set", "--accept", "--project", "other", made)
    assert user.document("member", "list", made) == [{"Image ID": made, "Member ID": "other", "Status": "accepted"}]
    assert [image["Name"] for image in other.document("list", "--shared")] == ["to be shared"]
    assert "403" in other.refused("add", "project", made, "third")
    user.openstack("remove", "project", made, "other")
    assert user.document("member", "list", made) == []


def test_glance_command(user: Clients, other: Clients) -> None:
    made = user.document("create", "--shared", "to be shared by glance")["id"]
    assert "pending" in user.glance("member-create", made, "other")
    assert "accepted" in other.glance("member-update", made, "other", "accepted")
    assert "to be shared by glance" in other.glance("image-list", "--visibility", "shared")
    user.glance("member-delete", made, "other")
    assert "other" not in user.glance("member-list", "--image-id", made)
    assert "import-methods" in user.glance("import-info")
    assert "image_count_total" in user.glance("usage")


def test_openstacksdk(user: Clients) -> None:
    seen = user.python("sdk_share.py")
    assert "add_member" in seen.pop("forbidden")
    assert seen == {
        "added": ["other", True, "pending"],
        "listed": [["other", "pending"]],
        "before": [],
        "offered": [True],
        "accepted": "accepted",
        "after": [True],
        "got": "accepted",
        "removed": [],
        "gone": True,
        "import": ["glance-direct", "web-download", "copy-image"],
        "schemas": ["images", "image", "members", "member", "tasks", "task"],
    }


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    """A person at a terminal, before a service with two stores."""
    directory: Path = tmp_path_factory.mktemp("several")
    with intaglio(directory, conf=several_stores(directory), workers=1) as server:
        service = Service(server.url, server.clouds, server, peer=False)
        yield Clients(clients(), service, directory)


def test_stores(several: Clients, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"in two places")
    made = several.document(
        *("create", "--file", tmp_path / "data", "--disk-format", "raw", "--container-format", "bare", "twice")
    )
    add_copy(several.home, made["id"])
    info = several.glance("stores-info", "--detail")
    assert "data_dir" in info
    assert '"id": "slow"' in info
    several.glance("stores-delete", "--store", "fast", made["id"])
    assert several.document("show", made["id"])["properties"]["stores"] == "slow"
    assert "one copy" in several.glance_refused("stores-delete", "--store", "slow", made["id"])
    several.openstack("save", "--file", tmp_path / "back", made["id"])
    assert (tmp_path / "back").read_bytes() == b"in two places"
