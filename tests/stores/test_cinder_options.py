"""What an operator can write for a Cinder store, and what follows: locations, the account, refusals."""

import re
import traceback

import pytest

from intaglio.stores.base import Misconfigured, NotFound
from intaglio.stores.drivers.cinder import CinderStore
from intaglio.stores.drivers.cinder_options import options

VOLUME = "0b1f9c6e-2a52-4c7c-8b7a-2f6a8d3e9c10"
ACCOUNT = {
    "cinder_store_auth_address": "https://identity.example.com:5000/v3",
    "cinder_store_user_name": "glance",
    "cinder_store_password": "the-secret",
    "cinder_store_project_name": "service",
}


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"cinder_store_auth_address": None}, "set cinder_store_auth_address"),
        (
            {"cinder_store_user_name": None, "cinder_store_project_name": ""},
            "user_name, cinder_store_project_name: vol",
        ),
        ({"cinder_catalog_info": "volumev3"}, "cinder_catalog_info must be type:name:endpoint, not 'volumev3'"),
        ({"cinder_enforce_multipath": True}, "no meaning without cinder_use_multipath"),
        ({"cinder_attachment_retry_attempts": 0}, "cinder_attachment_retry_attempts"),
        ({"cinder_endpoint_template": "http://cinder/v3/%(user_id)s"}, r"may name %\(project_id\)s and nothing else"),
        ({"cinder_volume_tpye": "x"}, "cinder_volume_tpye"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "named",
)
def test_wrong_options_are_named(wrong: dict[str, object], named: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        CinderStore("volumes", ACCOUNT | wrong)
    assert re.search(named, str(refused.value))
    assert "volumes" in str(refused.value)
    assert "the-secret" not in "".join(traceback.format_exception(refused.value)) + repr(options("x", ACCOUNT))


def test_a_credential_needs_no_user() -> None:
    credential = {"cinder_store_application_credential_id": "i", "cinder_store_application_credential_secret": "s"}
    address = {"cinder_store_auth_address": ACCOUNT["cinder_store_auth_address"]}
    assert options("x", credential | address).by_application_credential


@pytest.mark.parametrize(
    ("single", "uri"), [(False, f"cinder://volumes/{VOLUME}"), (True, f"cinder://{VOLUME}")], ids=["several", "one"]
)
def test_locations_are_glances(single: bool, uri: str) -> None:
    store = CinderStore("volumes", ACCOUNT | {"single": single})
    assert store.adopt(uri) == VOLUME
    assert store.uri(VOLUME) == uri


def test_older_locations_name_no_store() -> None:
    """Those from before there were several, with and without dashes."""
    store = CinderStore("volumes", ACCOUNT)
    assert store.adopt(f"cinder://{VOLUME}") == VOLUME
    assert store.adopt(f"cinder://{VOLUME.replace('-', '')}") == VOLUME.replace("-", "")
    assert CinderStore("cinder", ACCOUNT | {"single": True}).adopt(f"cinder://volumes/{VOLUME}") == VOLUME


@pytest.mark.parametrize(
    "uri",
    [
        f"cinder://other/{VOLUME}",
        "cinder://volumes/image",
        "cinder://",
        f"cinder://a/volumes/{VOLUME}",
        f"rbd://{VOLUME}",
    ],
)
def test_other_locations_are_refused(uri: str) -> None:
    with pytest.raises(NotFound, match="not of store 'volumes'"):
        CinderStore("volumes", ACCOUNT).adopt(uri)


def test_cinder_names_volumes() -> None:
    with pytest.raises(NotFound, match="does not know which volume"):
        CinderStore("volumes", ACCOUNT).uri(VOLUME)
