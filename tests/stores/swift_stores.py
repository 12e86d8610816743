"""Swift stores as an operator configures them, on a server of the tests, and what lies in their containers."""

import json
import urllib.request
import uuid
from pathlib import Path

import httpx

from intaglio.stores.drivers.swift import SwiftStore
from intaglio.stores.drivers.web import Patience
from tests.starters.keystone_people import PASSWORD
from tests.starters.swift import Swift

QUICK = Patience(connect=4, quiet=4, control=4, joining=4)
"""For servers that are hurt."""


def container_name() -> str:
    return f"test-{uuid.uuid4().hex}"


def options(server: Swift, container: str, **others: object) -> dict[str, object]:
    """What an operator writes for this server and tempauth."""
    return {
        "swift_store_auth_version": "1",
        "swift_store_auth_address": server.auth_url,
        "swift_store_user": server.user,
        "swift_store_key": server.key,
        "swift_store_container": container,
        "swift_store_create_container_on_put": True,
        **others,
    }


def keystone_options(server: Swift, container: str, **others: object) -> dict[str, object]:
    """What an operator writes for this server behind its Keystone."""
    assert server.keystone is not None
    return {
        "swift_store_auth_address": server.keystone.url,
        "swift_store_user": "alpha:mia",
        "swift_store_key": PASSWORD,
        "swift_store_region": server.region,
        "swift_store_container": container,
        "swift_store_create_container_on_put": True,
        **others,
    }


def tenant_options(server: Swift, container: str, **others: object) -> dict[str, object]:
    """What an operator writes who keeps images in the accounts of their projects."""
    chosen = {"swift_store_user": "service:glance", "swift_store_multi_tenant": True, **others}
    return keystone_options(server, container, **chosen)


def accounts_file(directory: Path, **sections: dict[str, str]) -> str:
    """A file of accounts, as `swift_store_config_file` names one."""
    text = "".join(
        f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in section.items()) + "\n"
        for name, section in sections.items()
    )
    (directory / "accounts.conf").write_text(text)
    return str(directory / "accounts.conf")


def store(server: Swift, container: str, patience: Patience | None = None, **others: object) -> SwiftStore:
    return SwiftStore("swift", options(server, container, **others), patience)


def asked(
    server: Swift, project: str, method: str, path: str, user: str = "glance", home: str = "service"
) -> httpx.Response:
    """What somebody whom Keystone knows is answered about the account of a project."""
    assert server.keystone is not None
    token = server.keystone.token(user, project=home)
    url = f"{server.url}/v1/AUTH_{server.keystone.ids[f'project/{project}']}{path}"
    return httpx.request(method, url, headers={"X-Auth-Token": token}, timeout=30, trust_env=False)


def containers(server: Swift, project: str, prefix: str) -> list[str]:
    """The containers in a project's account that begin so."""
    return asked(server, project, "GET", f"?prefix={prefix}").text.split()


class Bystander:
    """Somebody else with the credentials of the account, by plain requests."""

    def __init__(self, server: Swift) -> None:
        login = urllib.request.Request(server.auth_url, headers={"X-Auth-User": server.user, "X-Auth-Key": server.key})
        with urllib.request.urlopen(login, timeout=30) as answer:
            self._url, self._token = answer.headers["X-Storage-Url"], answer.headers["X-Auth-Token"]

    def ask(self, method: str, path: str, data: bytes | None = None, **headers: str) -> bytes:
        given = {name.replace("_", "-"): value for name, value in headers.items()} | {"X-Auth-Token": self._token}
        request = urllib.request.Request(f"{self._url}/{path}", data=data, headers=given, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return bytes(answer.read())

    def names(self, container: str) -> list[str]:
        """Everything in a container, hidden or not; nothing when it is not there."""
        try:
            return [entry["name"] for entry in json.loads(self.ask("GET", f"{container}?format=json"))]
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return []
            raise
