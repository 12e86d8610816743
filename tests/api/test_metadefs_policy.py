"""Who may do what in the catalogue: every call, by every kind of caller (the default rules)."""

from collections.abc import Callable

import httpx
import pytest

from tests.api.metadefs import ROOT, define, get, property_of
from tests.api.wire import Caller, refused, unique

Ask = Callable[[Caller, str], httpx.Response]

READS: dict[str, Ask] = {
    "show": lambda caller, path: caller.get(path),
    "properties": lambda caller, path: caller.get(f"{path}/properties"),
    "property": lambda caller, path: caller.get(f"{path}/properties/p"),
    "objects": lambda caller, path: caller.get(f"{path}/objects"),
    "object": lambda caller, path: caller.get(f"{path}/objects/o"),
    "tags": lambda caller, path: caller.get(f"{path}/tags"),
    "tag": lambda caller, path: caller.get(f"{path}/tags/t"),
    "resource types": lambda caller, path: caller.get(f"{path}/resource_types"),
}
WRITES: dict[str, Ask] = {
    "update": lambda caller, path: caller.put(path, json={"namespace": path.rpartition("/")[2]}),
    "delete": lambda caller, path: caller.delete(path),
    "add property": lambda caller, path: caller.post(f"{path}/properties", json=property_of("new")),
    "change property": lambda caller, path: caller.put(f"{path}/properties/p", json=property_of("p")),
    "delete property": lambda caller, path: caller.delete(f"{path}/properties/p"),
    "delete properties": lambda caller, path: caller.delete(f"{path}/properties"),
    "add object": lambda caller, path: caller.post(f"{path}/objects", json={"name": "new"}),
    "change object": lambda caller, path: caller.put(f"{path}/objects/o", json={"name": "o"}),
    "delete object": lambda caller, path: caller.delete(f"{path}/objects/o"),
    "delete objects": lambda caller, path: caller.delete(f"{path}/objects"),
    "add tag": lambda caller, path: caller.post(f"{path}/tags/new"),
    "add tags": lambda caller, path: caller.post(f"{path}/tags", json={"tags": [{"name": "new"}]}),
    "change tag": lambda caller, path: caller.put(f"{path}/tags/t", json={"name": "t"}),
    "delete tag": lambda caller, path: caller.delete(f"{path}/tags/t"),
    "delete tags": lambda caller, path: caller.delete(f"{path}/tags"),
    "associate": lambda caller, path: caller.post(f"{path}/resource_types", json={"name": "OS::New"}),
    "dissociate": lambda caller, path: caller.delete(f"{path}/resource_types/OS::Old"),
}


@pytest.fixture(scope="module")
def spaces(admin: Caller) -> dict[str, str]:
    """A public namespace, and a private one of alpha, each holding one of everything."""
    contents = {
        "owner": "alpha",
        "properties": {"p": property_of("p")},
        "objects": [{"name": "o"}],
        "tags": [{"name": "t"}],
        "resource_type_associations": [{"name": "OS::Old"}],
    }
    return {scope: define(admin, visibility=scope, **contents) for scope in ("public", "private")}


@pytest.mark.parametrize("call", READS)
@pytest.mark.parametrize(
    ("scope", "who", "status"),
    [
        ("public", "member", 200), ("public", "reader", 200), ("public", "stranger", 200), ("public", "admin", 200),
        ("private", "member", 200), ("private", "reader", 200), ("private", "stranger", 404), ("private", "admin", 200),
    ],
)  # fmt: skip
def test_read(
    request: pytest.FixtureRequest, spaces: dict[str, str], call: str, scope: str, who: str, status: int
) -> None:
    answer = READS[call](request.getfixturevalue(who), spaces[scope])
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize("call", WRITES)
@pytest.mark.parametrize(
    ("scope", "who", "status"),
    [
        ("public", "member", 403), ("public", "reader", 403), ("public", "stranger", 403),
        ("private", "member", 403), ("private", "reader", 403), ("private", "stranger", 404),
    ],
)  # fmt: skip
def test_write(
    request: pytest.FixtureRequest, admin: Caller, spaces: dict[str, str], call: str, scope: str, who: str, status: int
) -> None:
    before = get(admin, spaces[scope])
    refused(WRITES[call](request.getfixturevalue(who), spaces[scope]), status)
    assert get(admin, spaces[scope]) == before


@pytest.mark.parametrize("who", ["member", "reader", "stranger"])
def test_only_an_administrator_defines(request: pytest.FixtureRequest, who: str) -> None:
    refused(request.getfixturevalue(who).post(ROOT, json={"namespace": unique("ns")}), 403)


@pytest.mark.parametrize("who", ["member", "reader", "stranger", "admin"])
def test_lists(request: pytest.FixtureRequest, who: str) -> None:
    caller: Caller = request.getfixturevalue(who)
    assert caller.get(ROOT).status_code == 200
    assert caller.get("/v2/metadefs/resource_types").status_code == 200


def test_nobody(nobody: Caller) -> None:
    assert nobody.get(ROOT).status_code == 401


@pytest.mark.ours  # in Glance some calls tell the two apart, and most do not
@pytest.mark.parametrize("call", [*READS, *WRITES])
def test_what_may_not_be_seen_does_not_exist(stranger: Caller, spaces: dict[str, str], call: str) -> None:
    """The answer about a private namespace of others is, to the letter, that about one that never was."""
    ask = (READS | WRITES)[call]
    never = f"{ROOT}/{unique('never')}"
    hidden, absent = ask(stranger, spaces["private"]), ask(stranger, never)
    assert hidden.status_code == absent.status_code == 404
    assert hidden.text.replace(spaces["private"].rpartition("/")[2], "X") == absent.text.replace(
        never.rpartition("/")[2], "X"
    )
