"""What an operator can write for a Swift store, and what is said when it cannot be."""

import re
import traceback
from pathlib import Path

import pytest

from intaglio.stores.base import Broken, Busy, Denied, Full, Misconfigured, StoreError
from intaglio.stores.drivers.swift import SwiftStore
from intaglio.stores.drivers.swift_answers import Answer
from intaglio.stores.registry import build
from intaglio.stores.settings import StoreConfig, StoreSettings
from tests.stores.swift_stores import accounts_file

ACCOUNT = {"user": "service:images", "key": "the-secret", "auth_address": "https://identity.example.com:5000/v3"}


def given(**others: object) -> dict[str, object]:
    return {f"swift_store_{name}": value for name, value in ACCOUNT.items()} | others


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"swift_store_auth_address": None}, "set swift_store_config_file, or swift_store_auth_address"),
        ({"swift_store_key": None}, "user and key must be set"),
        ({"swift_store_user": "images"}, "user must be project:user"),
        ({"swift_store_auth_address": "http://user:word@identity.example.com"}, "must be like"),
        ({"swift_store_auth_version": "2"}, "auth_version must be 3, or 1"),
        ({"swift_store_container": "a/b"}, "swift_store_container is no name"),
        ({"swift_store_multiple_containers_seed": 33}, "multiple_containers_seed"),
        ({"swift_store_cacert": "/nowhere/ca.pem"}, "swift_store_cacert.*No such"),
        ({"swift_store_config_file": "/nowhere/accounts"}, "/nowhere/accounts cannot be read: No such"),
        ({"swift_store_endpoint_type": "public"}, "endpoint_type"),
        ({"swift_stroe_key": "x"}, "swift_stroe_key"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "named",
)
def test_wrong_options_are_named(wrong: dict[str, object], named: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        SwiftStore("pictures", given(**wrong))
    assert re.search(named, str(refused.value))
    assert "pictures" in str(refused.value)
    assert "the-secret" not in "".join(traceback.format_exception(refused.value))


def test_wrong_files_of_accounts(tmp_path: Path) -> None:
    def refused(reference: str = "ref1") -> str:
        file = str(tmp_path / "accounts.conf")
        with pytest.raises(Misconfigured) as error:
            SwiftStore("s", {"swift_store_config_file": file, "default_swift_reference": reference})
        return str(error.value)

    accounts_file(tmp_path, ref1=ACCOUNT)
    assert "has no section [ref2]" in refused("ref2")
    accounts_file(tmp_path, ref1=ACCOUNT, other={"user": "x"})
    assert "section [other]" in refused()
    (tmp_path / "accounts.conf").write_text("user = x\n")
    assert "no file of [sections]" in refused()


@pytest.mark.parametrize(
    ("address", "uri"),
    [
        ("https://identity.example.com:5000/v3", "swift+https://{login}identity.example.com:5000/v3/glance/k"),
        ("http://identity.example.com/", "swift+http://{login}identity.example.com/glance/k"),
        ("identity.example.com/v3/", "swift+https://{login}identity.example.com/v3/glance/k"),
    ],
    ids=["https", "http", "none"],
)
def test_locations(address: str, uri: str) -> None:
    store = SwiftStore("s", given(swift_store_auth_address=address, swift_store_user="a b:c", swift_store_key="d@e/f"))
    assert store.uri("k") == uri.format(login="a%20b%3Ac:d%40e/f@")
    assert store.adopt(store.uri("k")) == "k"
    assert store.adopt(uri.format(login="")) == "k"


def test_no_secret_is_formatted() -> None:
    config = StoreConfig(id="swift", type="swift", options=given())
    store = build(StoreSettings(stores=(config,), default="swift"))["swift"]
    assert isinstance(store, SwiftStore)
    for thing in (config, store, store._options, store._client, store._locations, store._client._login):
        for text in (repr(thing), str(thing), str(getattr(thing, "__rich_repr__", lambda: "")())):
            assert "the-secret" not in text


@pytest.mark.parametrize(
    ("status", "kind"),
    [(413, Full), (507, Full), (401, Denied), (403, Denied), (409, Busy), (498, Busy), (503, Busy), (400, Broken)],
)
def test_errors_have_their_meaning(status: int, kind: type[StoreError]) -> None:
    error = Answer(status, {}, b"the-secret").error("swift", "write an object")
    assert type(error) is kind
    assert str(error) == f"store 'swift' could not write an object: Swift answered {status}"
