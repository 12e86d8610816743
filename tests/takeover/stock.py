"""A rich stock of images, made through Glance's own API."""

import uuid
from collections.abc import Callable
from typing import Any

from tests.api.test_upload import qcow2
from tests.api.wire import FORMATS, OCTETS, Caller, noise, op
from tests.starters.base import wait_until

By = Callable[[str], Caller]


def fill(by: By, *, several_stores: bool) -> dict[str, str]:
    """Make the stock; the id of each image by its name. `by` gives the caller of a name."""
    mia, root, stan, gus = by("mia"), by("root"), by("stan"), by("gus")
    ids: dict[str, str] = {}

    def keep(caller: Caller, name: str, data: bytes | None = None, **fields: object) -> str:
        image = caller.create(name=name, **fields) if data is None else caller.active(data, name=name, **fields)
        ids[name] = image["id"]
        return str(image["id"])

    for visibility in ("private", "shared", "community"):
        keep(mia, visibility, noise(1000), visibility=visibility)
        keep(stan, f"{visibility} of beta", noise(1001), visibility=visibility)
    keep(root, "public", noise(1002), visibility="public", owner="alpha")
    keep(root, "public of ops", visibility="public", tags=["kept"])
    keep(root, "without owner", noise(100), owner=None)
    keep(mia, "hidden", noise(10), os_hidden=True)
    keep(root, "hidden public", os_hidden=True, visibility="public")
    keep(mia, "protected", noise(12), protected=True)
    keep(mia, "queued", **FORMATS, min_ram=5, min_disk=6)
    keep(mia, "bare minimum")
    keep(mia, "for an upload", **FORMATS)
    keep(mia, "empty", b"")
    keep(mia, "qcow2", qcow2(7 << 30), disk_format="qcow2")
    keep(mia, "large", noise(3_000_001), disk_format="ami", container_format="ami", min_disk=2**31 - 1)
    upper = str(uuid.uuid4()).upper()
    keep(mia, "capitals", noise(77), id=upper)
    odd: dict[str, Any] = {
        "": "no name",
        "a/b": "slash",
        "a~b": "",
        "Ünï": "漢字 \u202e",
        "long": "ü" * 30_000,
        "os": "<b>'\"&amp;",
    }
    keep(mia, "Bücher — 漢字", noise(50), tags=["ü", "kept", "with space", "t" * 255, "A", "a"], **odd)
    keep(mia, "several properties", colour="red", size_name="xl", to_go="x")
    changed = ids["several properties"]
    for operations in (
        [op("remove", "/to_go"), op("remove", "/colour")],
        [op("add", "/colour", "blue"), op("add", "/new", "1")],
        [op("remove", "/new")],
        [op("add", "/new", "2"), op("replace", "/size_name", "xxl")],
        [op("replace", "/tags", ["one", "kept"])],
        [op("replace", "/tags", ["kept", "two"])],
    ):
        assert mia.change(changed, *operations).status_code == 200
    tagged = keep(mia, "tagged")
    for method, tag in (("PUT", "x"), ("PUT", "y"), ("DELETE", "x"), ("PUT", "x"), ("DELETE", "y"), ("PUT", "%C3%BC")):
        assert mia.request(method, f"/v2/images/{tagged}/tags/{tag}").status_code == 204
    deactivated = keep(mia, "deactivated", noise(500))
    assert mia.post(f"/v2/images/{deactivated}/actions/deactivate").status_code == 204
    for name, data in (("deleted", None), ("deleted with data", noise(10))):
        gone = keep(mia, name, data, tags=["kept"], colour="blue")
        assert mia.delete(f"/v2/images/{gone}").status_code == 204
    failed = keep(mia, "failed upload", disk_format="qcow2", container_format="bare")
    assert mia.put(f"/v2/images/{failed}/file", content=noise(70_000), headers=OCTETS).status_code == 415
    _share(by, keep)
    if several_stores:
        keep(mia, "in the slow store", **FORMATS)
        assert mia.upload(ids["in the slow store"], noise(900), X_Image_Meta_Store="slow").status_code == 204
        _copy(root, keep(mia, "in both stores", noise(2000)))
        _copy(root, keep(gus, "in both stores, slow first", **FORMATS), gus)
    return ids


def _share(by: By, keep: Callable[..., str]) -> None:
    for status in ("pending", "accepted", "rejected"):
        image_id = keep(by("mia"), f"shared and {status}", noise(64))
        for member in ("beta", "gamma"):
            answer = by("mia").post(f"/v2/images/{image_id}/members", json={"member": member})
            assert answer.status_code == 200, answer.text
        if status != "pending":
            path = f"/v2/images/{image_id}/members/beta"
            assert by("stan").put(path, json={"status": status}).status_code == 200
    image_id = keep(by("mia"), "no longer shared with beta")
    assert by("mia").post(f"/v2/images/{image_id}/members", json={"member": "beta"}).status_code == 200
    assert by("mia").delete(f"/v2/images/{image_id}/members/beta").status_code == 204
    image_id = keep(by("mia"), "private with a member", noise(10))
    assert by("mia").post(f"/v2/images/{image_id}/members", json={"member": "beta"}).status_code == 200
    assert by("mia").change(image_id, op("replace", "/visibility", "private")).status_code == 200


def _copy(admin: Caller, image_id: str, first_into_slow: Caller | None = None) -> None:
    if first_into_slow:
        assert first_into_slow.upload(image_id, noise(700), X_Image_Meta_Store="slow").status_code == 204
    body = {"method": {"name": "copy-image"}, "all_stores": True}
    answer = admin.post(f"/v2/images/{image_id}/import", json=body)
    assert answer.status_code == 202, answer.text

    def done() -> bool:
        image = admin.image(image_id)
        return len(image["stores"].split(",")) == 2 and not image.get("os_glance_importing_to_stores")

    wait_until(done, "the copy", 60)
    wait_until(lambda: "os_glance_import_task" not in admin.image(image_id), "the end of the task", 60)
