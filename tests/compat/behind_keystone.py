"""A service behind the real Keystone, and the clouds.yaml of everybody whom that Keystone knows."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from tests.compat.conftest import Service
from tests.starters.intaglio import intaglio
from tests.starters.keystone import Keystone
from tests.starters.keystone_people import PASSWORD


@contextlib.contextmanager
def service_behind(identity: Keystone, directory: Path, conf: str = "") -> Iterator[Service]:
    """Intaglio in the catalogue, in a region of its own, until the block ends."""
    with intaglio(directory, conf=conf + identity.section(), auth="keystone") as running:
        region = identity.register(running.url)
        path = directory / "clouds.yaml"
        path.write_text(_clouds(identity, region))
        yield Service(running.url, path, running, peer=False, identity=identity, region=region)


def _clouds(identity: Keystone, region: str) -> str:
    """What people have in their clouds.yaml. JSON is YAML."""
    password = {
        "auth_url": identity.url,
        "username": "mia",
        "password": PASSWORD,
        "project_name": "alpha",
        "user_domain_name": "Default",
        "project_domain_name": "Default",
    }
    credential = {
        "auth_url": identity.url,
        "application_credential_id": identity.ids["application/pipeline"],
        "application_credential_secret": PASSWORD,
    }
    lister = credential | {"application_credential_id": identity.ids["application/lister"]}
    common = {"region_name": region, "interface": "public"}
    by_credential = {"auth_type": "v3applicationcredential"} | common
    system = {name: password[name] for name in ("auth_url", "password", "user_domain_name")}
    system |= {"username": "admin", "system_scope": "all"}
    known = {
        "password": {"auth": password} | common,
        "credential": {"auth": credential} | by_credential,
        "lister": {"auth": lister} | by_credential,
        "other": {"auth": password | {"username": "stan", "project_name": "beta"}} | common,
        "admin": {"auth": password | {"username": "root", "project_name": "ops"}} | common,
        "system": {"auth": system} | common,
        "wrong": {"auth": password | {"password": "wrong"}} | common,
    }
    return json.dumps({"clouds": known})
