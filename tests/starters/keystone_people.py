"""Who and what the tests' Keystone knows: people with every role, two services, application credentials, a catalogue.

| user | where | roles |
|---|---|---|
| root | project ops | admin |
| max | project alpha | manager |
| mia | project alpha | member |
| rea | project alpha | reader |
| stan | project beta | member |
| dora | domain Default | admin |
| glance, nova | project service | service |
| admin | project admin, and the system | admin, as `keystone-manage bootstrap` makes it |
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx

PASSWORD = "a secret of the tests"
REGION = "RegionOne"
GRANTS = (
    ("root", "ops", "admin"),
    ("max", "alpha", "manager"),
    ("mia", "alpha", "member"),
    ("rea", "alpha", "reader"),
    ("stan", "beta", "member"),
    ("glance", "service", "service"),
    ("nova", "service", "service"),
)
LISTER_RULES = (
    {"service": "image", "method": "GET", "path": "/v2/images"},
    {"service": "image", "method": "GET", "path": "/v2/images/*"},
    {"service": "image", "method": "GET", "path": "/v2/schemas/**"},
)

Json = dict[str, Any]
Call = Callable[..., Json]


def by_password(user: str) -> Json:
    """The identity part of a login."""
    known = {"name": user, "domain": {"name": "Default"}, "password": PASSWORD}
    return {"methods": ["password"], "password": {"user": known}}


def project_scope(project: str) -> Json:
    return {"project": {"name": project, "domain": {"name": "Default"}}}


@contextlib.contextmanager
def caller(url: str, token: str) -> Iterator[Call]:
    """A way to ask Keystone for something: method, path, document; the answer's document comes back."""
    with httpx.Client(base_url=url, headers={"X-Auth-Token": token}, timeout=60, trust_env=False) as client:

        def call(method: str, path: str, document: object = None) -> Json:
            answer = client.request(method, path, json=document)
            assert answer.is_success, f"{method} {path}: {answer.text}"
            found: Json = answer.json() if answer.content else {}
            return found

        yield call


def settle(url: str, token: str) -> Mapping[str, str]:
    """Make everybody and everything by an administrator's token; the ids, by names such as `user/mia`."""
    ids: dict[str, str] = {}
    with caller(url, token) as call:
        for kind in ("roles", "projects", "users", "services"):
            ids |= {f"{kind[:-1]}/{found['name']}": found["id"] for found in call("GET", f"/{kind}")[kind]}
        for user, project, role in GRANTS:
            for kind, name in (("project", project), ("user", user)):
                if f"{kind}/{name}" not in ids:
                    ids[f"{kind}/{name}"] = _make(call, kind, name)
            call(
                "PUT", f"/projects/{ids[f'project/{project}']}/users/{ids[f'user/{user}']}/roles/{ids[f'role/{role}']}"
            )
        ids["user/dora"] = _make(call, "user", "dora")
        call("PUT", f"/domains/default/users/{ids['user/dora']}/roles/{ids['role/admin']}")
        made = call("POST", "/services", {"service": {"type": "image", "name": "image"}})
        ids["service/image"] = made["service"]["id"]
    return ids | dict(_application_credentials(url, ids["user/mia"]))


def _make(call: Call, kind: str, name: str) -> str:
    fields = {"name": name, "domain_id": "default"} | ({"password": PASSWORD} if kind == "user" else {})
    made: str = call("POST", f"/{kind}s", {kind: fields})[kind]["id"]
    return made


def _application_credentials(url: str, user_id: str) -> Mapping[str, str]:
    """Only she herself may make them."""
    wanted = {"auth": {"identity": by_password("mia"), "scope": project_scope("alpha")}}
    token = httpx.post(f"{url}/auth/tokens", json=wanted, timeout=60, trust_env=False).headers["X-Subject-Token"]
    ids = {}
    with caller(url, token) as call:
        for name, more in (("pipeline", {}), ("lister", {"access_rules": list(LISTER_RULES)})):
            fields = {"name": name, "secret": PASSWORD} | more
            made = call("POST", f"/users/{user_id}/application_credentials", {"application_credential": fields})
            ids[f"application/{name}"] = made["application_credential"]["id"]
    return ids


def add_endpoints(call: Call, service_id: str, region: str, url: str) -> None:
    """Public and internal endpoint of a service in one region."""
    for interface in ("public", "internal"):
        fields = {"service_id": service_id, "interface": interface, "region_id": region, "url": url}
        call("POST", "/endpoints", {"endpoint": fields})
