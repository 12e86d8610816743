"""The projects of a cloud, as its Keystone knows them: for naming them to the image service, which knows ids."""

import importlib
from collections.abc import Sequence
from typing import Any

from intaglio.base.errors import NotFound
from intaglio.client.cloud import CallRefused, CloudUnreachable, region_of


class NoSuchProject(NotFound):
    """No project, or no domain, of the cloud has this id or name."""

    code = "no-such-project"


def project_ids(cloud: str | None, target: str, *, domain: str, whole_domain: bool) -> Sequence[str]:
    """The ids of one project, by its id or name in a domain, or of all projects of the domain `target`.

    A cloud without Keystone has no names: there the target is the id. Raises `NoSuchProject`, `CallRefused`.
    """
    adapter = _identity(cloud)
    if adapter is None:
        if whole_domain:
            raise NoSuchProject("This cloud has no Keystone that knows the projects of a domain; name a project.")
        return [target]
    inside = _domain(adapter, target if whole_domain else domain)
    if whole_domain:
        return [str(each["id"]) for each in _get(adapter, "/v3/projects", "projects", domain_id=inside)]
    by_name = _get(adapter, "/v3/projects", "projects", name=target, domain_id=inside)
    if by_name:
        return [str(by_name[0]["id"])]
    by_id = _get(adapter, f"/v3/projects/{target}", "project")
    if not by_id:
        raise NoSuchProject(f"No project in the domain '{domain}' has the id or the name '{target}'.")
    return [str(by_id[0]["id"])]


def _identity(cloud: str | None) -> Any | None:
    exceptions = importlib.import_module("keystoneauth1.exceptions")
    region = region_of(cloud)
    adapter = importlib.import_module("keystoneauth1.adapter").Adapter(
        region.get_session(), service_type="identity", interface=region.get_interface("identity"), connect_retries=0
    )
    try:
        endpoint = str(adapter.get_endpoint() or "").rstrip("/")
    except exceptions.ClientException as error:
        raise CloudUnreachable(f"The cloud does not let us in: {error}") from error
    if not endpoint or not adapter.get_project_id():
        return None
    adapter.endpoint_override = endpoint.removesuffix("/v3")
    return adapter


def _domain(adapter: Any, name_or_id: str) -> str:
    found = _get(adapter, f"/v3/domains/{name_or_id}", "domain") or _get(
        adapter, "/v3/domains", "domains", name=name_or_id
    )
    if not found:
        raise NoSuchProject(f"No domain has the id or the name '{name_or_id}'.")
    return str(found[0]["id"])


def _get(adapter: Any, path: str, key: str, **filters: str) -> list[dict[str, Any]]:
    answer = adapter.get(path, params=filters, raise_exc=False)
    if answer.status_code == 404:  # noqa: PLR2004 - the status
        return []
    if answer.status_code >= 400:  # noqa: PLR2004 - the statuses of errors
        raise CallRefused(f"{answer.status_code}: Keystone refuses to show its {key}; an administrator may.")
    found = answer.json()[key]
    return found if isinstance(found, list) else [found]
