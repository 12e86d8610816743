"""All that a service shows to several callers, in a form that two services can be compared by.

One thing is left out, because Intaglio means to answer otherwise (a test of its own says how): images without an owner,
which Glance shows to everybody who knows the id.
"""

import hashlib
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.api.wire import Caller

LISTS = (
    "",
    "limit=1000",
    "sort_key=name&sort_dir=asc",
    "sort=name:desc,id:asc",
    "sort=disk_format:asc,name:asc",
    "sort_key=updated_at",
    "sort_key=size&sort_dir=asc&status=active",
    "visibility=public",
    "visibility=private",
    "visibility=shared",
    "visibility=community",
    "visibility=all",
    "member_status=pending",
    "member_status=accepted",
    "member_status=rejected",
    "member_status=all",
    "visibility=shared&member_status=all",
    "os_hidden=true",
    "protected=true",
    "status=queued",
    "status=in:active,deactivated",
    "tag=kept",
    "tag=%C3%BC",
    "name=several+properties",
    "name=in:empty,qcow2",
    "colour=blue",
    "colour=red",
    "size_min=1&size_max=100000",
    "created_at=gt:2020-01-01T00:00:00Z",
    "owner=alpha",
)
PAGED = ("sort_key=name&sort_dir=asc", "sort_key=id", "", "visibility=all", "status=queued&sort=created_at:asc")

Snapshot = dict[str, Any]


def snapshot(callers: list[Caller], ids: list[str], ownerless: str) -> Snapshot:
    """What each caller is shown: every image and its bytes, and lists; and pages of two, by the first caller only."""
    seen: Snapshot = {}
    for caller in callers:
        assert caller.user is not None
        who = caller.user.name
        admin = "admin" in caller.user.roles
        for image_id in ids:
            if image_id == ownerless and not admin:
                continue
            answer = caller.get(f"/v2/images/{image_id}")
            seen[f"{who} GET {image_id}"] = _view(answer.json()) if answer.status_code == 200 else answer.status_code
            if answer.status_code == 200 and answer.json()["status"] == "queued":
                continue  # where an upload has failed Glance breaks off
            data = caller.get(f"/v2/images/{image_id}/file")
            seen[f"{who} FILE {image_id}"] = (data.status_code,) if data.status_code != 200 else _bytes(data)
        for query in LISTS:
            answer = caller.get(f"/v2/images?{query}")
            assert answer.status_code == 200, answer.text
            seen[f"{who} LIST {query}"] = _page(answer.json())
    for query in PAGED:
        link: str | None = f"/v2/images?{query}&limit=2"
        number = 0
        while link and number < 50:
            page = callers[0].get(link).json()
            seen[f"PAGE {number} {query}"] = _page(page)
            link = page.get("next")
            number += 1
    return seen


def _view(image: dict[str, Any]) -> dict[str, Any]:
    """The image without what only one of the two services has; its tags are a set."""
    common = {name: value for name, value in image.items() if name != "os_glance_receipt"}
    return common | {"tags": sorted(image["tags"])}


def _bytes(answer: Any) -> tuple[Any, ...]:
    headers = answer.headers
    return 200, hashlib.sha256(answer.content).hexdigest(), headers["content-length"], headers.get("content-md5")


def _page(page: dict[str, Any]) -> dict[str, Any]:
    links = {name: sorted(parse_qsl(urlsplit(page[name]).query)) for name in ("first", "next") if name in page}
    return page | links | {"images": [_view(image) for image in page["images"]]}


def differences(before: Snapshot, after: Snapshot) -> list[str]:
    """Each thing that is not the same in both, in words; empty when nothing differs."""
    found = []
    for key in sorted(before.keys() | after.keys()):
        one, other = before.get(key, "absent"), after.get(key, "absent")
        if one != other:
            found.append(f"{key}: {_detail(one, other)}")
    return found


def _detail(one: Any, other: Any) -> str:
    if isinstance(one, dict) and isinstance(other, dict):
        parts = []
        for name in sorted(one.keys() | other.keys()):
            left, right = one.get(name, "absent"), other.get(name, "absent")
            if left != right and name == "images":
                parts.append(_images(left, right))
            elif left != right:
                parts.append(f"{name} {left!r} became {right!r}")
        return "; ".join(parts)
    return f"{one!r} became {other!r}"


def _images(left: list[dict[str, Any]], right: list[dict[str, Any]]) -> str:
    names = [image["name"] for image in left], [image["name"] for image in right]
    if names[0] != names[1]:
        return f"images {names[0]} became {names[1]}"
    return "; ".join(
        f"{one['name']}: {_detail(one, other)}" for one, other in zip(left, right, strict=True) if one != other
    )
