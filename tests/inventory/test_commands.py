"""`intaglio store …` as an operator meets it: what is printed, as lines and as JSON, and how it ends."""

import json
from typing import Any

import pytest

from tests.deletion.site import Site
from tests.inventory.conftest import Commands, stray

pytestmark = pytest.mark.anyio


STORES = ["fast\tfile\tdefault\t\t0\t", "slow\tfile\t\t\t0\t", "web\thttp\t\tread-only\t0\t"]


async def test_list(site: Site, ran: Commands) -> None:
    code, out, _ = await ran("store", "list")
    assert (code, out.splitlines()) == (0, STORES)
    _, stores = await ran.json("store", "list")
    assert [(each["id"], each["default"], each["read_only"]) for each in stores] == [
        ("fast", True, False),
        ("slow", False, False),
        ("web", False, True),
    ]


async def test_check_and_accept(site: Site, ran: Commands) -> None:
    assert (await ran("store", "check"))[0] == 0
    (site.home / "stores" / "slow" / ".intaglio-store").unlink()
    code, stores = await ran.json("store", "check")
    assert code == 1
    assert {each["id"]: each["healthy"] for each in stores}["slow"] is False
    assert "mounted" in next(each["reason"] for each in stores if each["id"] == "slow")
    assert (await ran("store", "check", "--accept"))[0] == 2
    assert (await ran("store", "check", "slow", "--accept"))[0] == 0
    assert (await ran("store", "check"))[0] == 0
    code, _, err = await ran("store", "check", "nothing")
    assert (code, "'nothing'" in err, "fast, slow" in err) == (1, True, True)


async def test_verify_and_resume(site: Site, ran: Commands) -> None:
    good, bad = await site.active(), await site.active()
    (site.home / "stores" / "fast" / bad.id).write_bytes(b"other")
    code, out, _ = await ran("store", "verify", "--rate", "100")
    assert code == 1
    assert out.splitlines()[0].startswith(f"bad: image {bad.id} in fast: it has 5 bytes")
    assert out.splitlines()[-1] == "2 copies, 1 of them bad or unreadable."
    code, _, err = await ran("store", "verify", "--resume")
    assert (code, "cut short" in err) == (1, True)
    state: dict[str, Any] = {
        "image": None,
        "stores": [],
        "after": good.locations[0].id,
        "looked_at": 1,
        "wrong": [],
        "unproven": 0,
    }
    file = site.home / "data" / "store-verify.json"
    file.write_text(json.dumps(state))
    assert (await ran("store", "verify", good.id, "--resume"))[0] == 1
    code, result = await ran.json("store", "verify", "--resume")
    assert (code, result["looked_at"], [each["image_id"] for each in result["wrong"]]) == (1, 2, [bad.id])
    assert not file.exists()
    assert (await ran("store", "verify", good.id))[0] == 0


async def test_reconcile(site: Site, ran: Commands) -> None:
    await site.active()
    code, out, _ = await ran("store", "reconcile")
    assert (code, out) == (0, "1 copies are recorded; 1 objects in fast, 0 objects in slow. They agree.\n")
    name = stray(site, "stores/fast")
    code, out, _ = await ran("store", "reconcile")
    assert code == 1
    assert out.startswith(f"orphan\tfast\t{name}\t5 B\t48.0 h\t")
    code, report = await ran.json("store", "reconcile", "--fix")
    assert (code, [each["fixed"] for each in report["findings"]]) == (0, [True])
    assert (await ran("store", "reconcile", "--grace-hours", "-1"))[0] == 2


async def test_usage(site: Site, ran: Commands) -> None:
    await site.active(b"x" * 2048)
    code, out, _ = await ran("store", "usage")
    assert (code, out.splitlines()) == (0, ["fast\t1\t2.0 KiB\t0 B", "slow\t0\t0 B\t0 B", "web\t0\t0 B\t0 B"])
    assert (await ran.json("store", "usage"))[1][0]["bytes"] == 2048


async def test_restore(site: Site, ran: Commands) -> None:
    site.settle(delayed_delete=True)
    image = await site.active(name="back", os_distro="debian")
    code, _, err = await ran("image", "restore", image.id)
    assert (code, "was not deleted" in err) == (1, True)
    await site.delete(image.id)
    code, out, _ = await ran("image", "restore", image.id)
    assert (code, out) == (
        0,
        f"Image {image.id} (back) is active again: 1 properties, 0 tags, 0 members, 1 copies.\n",
    )
    assert (await ran("image", "restore", "no-uuid"))[0] == 1
