"""A cloud that an operator's `clouds.yaml` or `OS_*` variables name, and its image service.

openstacksdk finds the cloud and signs in (Keystone, HTTP Basic, none), so that whatever works for `openstack` works
here. It takes most of a second to import and is an extra: `intaglio[client]`.
"""

import html
import importlib
from collections.abc import Mapping
from typing import Any

from intaglio.base.errors import Invalid, NotFound, Unavailable


class ClientMissing(Invalid):
    """What speaks to clouds is not installed."""

    code = "client-missing"


class CloudUnknown(Invalid):
    """No cloud can be made out of clouds.yaml and the environment."""

    code = "cloud-unknown"


class CloudUnreachable(Unavailable):
    """The cloud does not answer, or lets nobody in with these credentials."""

    code = "cloud-unreachable"


class CallRefused(Invalid):
    """The image service refused a call; the text is the service's."""

    code = "call-refused"


class NoSuchImage(NotFound):
    """The image service knows no image by this id or name, or not this call."""

    code = "no-such-image"


class ImageService:
    """The image service of one cloud. Each method is one or two calls."""

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter

    def find(self, name_or_id: str) -> Mapping[str, Any]:
        """An image by its id, or by its name when only one has it. Raises `NoSuchImage`, `CallRefused`."""
        answer = self._call("GET", f"/images/{name_or_id}", missing=None) if "/" not in name_or_id else None
        if answer is not None:
            return answer
        page = self._call("GET", "/images", params={"name": f"eq:{name_or_id}", "limit": "2"}) or {}
        images = page.get("images", [])
        if len(images) > 1:
            raise CallRefused(f"Several images are named '{name_or_id}'; give the id of one.")
        if not images:
            raise NoSuchImage(f"No image has the id or the name '{name_or_id}'.")
        return dict(images[0])

    def validate(self, image_id: str) -> Mapping[str, Any]:
        """The answer of GET /v2/images/{id}/validate. Raises `NoSuchImage`, `CallRefused`."""
        said = "This image service does not validate images: it is not Intaglio, or an older one."
        return self._call("GET", f"/images/{image_id}/validate", missing=said) or {}

    def tasks(self, image_id: str) -> list[dict[str, Any]]:
        """The tasks about an image, the newest first. Raises `NoSuchImage`, `CallRefused`."""
        return list((self._call("GET", f"/images/{image_id}/tasks") or {}).get("tasks", []))

    def task(self, task_id: str) -> Mapping[str, Any] | None:
        """A task, None when there is none. Raises `CallRefused` for all but administrators."""
        return self._call("GET", f"/tasks/{task_id}", missing=None)

    def cancel_import(self, image_id: str) -> None:
        """Call off the import of an image. Raises `NoSuchImage`, `CallRefused` also when none is running."""
        self._call("DELETE", f"/images/{image_id}/import", missing="This image service cannot call imports off.")

    def set(self, image_id: str, values: Mapping[str, str | int]) -> None:
        """Set fields and properties of an image. Raises `NoSuchImage`, `CallRefused`."""
        operations = [
            {"op": "add", "path": "/" + name.replace("~", "~0").replace("/", "~1"), "value": value}
            for name, value in values.items()
        ]
        headers = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
        self._call("PATCH", f"/images/{image_id}", json=operations, headers=headers, missing="The image is gone.")

    def _call(self, method: str, path: str, *, missing: str | None = "", **more: Any) -> dict[str, Any] | None:
        """An answer's document; None for a 404 when `missing` is None."""
        exceptions = importlib.import_module("keystoneauth1.exceptions")
        try:
            answer = self._adapter.request(path, method, raise_exc=False, **more)
        except exceptions.ClientException as error:
            raise CloudUnreachable(f"The cloud does not answer: {error}") from error
        if answer.status_code == 404:  # noqa: PLR2004 - the status
            if missing is None:
                return None
            raise NoSuchImage(missing or _reason(answer.text))
        if answer.status_code >= 400:  # noqa: PLR2004 - the statuses of errors
            raise CallRefused(f"{answer.status_code}: {_reason(answer.text)}")
        return dict(answer.json()) if answer.content else {}


def connect(cloud: str | None) -> ImageService:
    """The image service of a cloud of clouds.yaml, or with None of what OS_CLOUD and OS_* say.

    Raises `ClientMissing`, `CloudUnknown`, `CloudUnreachable`.
    """
    try:
        config = importlib.import_module("openstack.config")
    except ImportError:
        raise ClientMissing("This command needs openstacksdk: pip install 'intaglio[client]'.") from None
    problems = importlib.import_module("openstack.exceptions")
    auth_problems = importlib.import_module("keystoneauth1.exceptions")
    try:
        region = config.OpenStackConfig(load_envvars=True).get_one(cloud=cloud)
        return ImageService(_adapter(region))
    except problems.ConfigException as error:
        raise CloudUnknown(f"{error} Name a cloud of clouds.yaml with --os-cloud or OS_CLOUD.") from None
    except (problems.SDKException, auth_problems.ClientException) as error:
        raise CloudUnreachable(f"The cloud does not answer: {error}") from error


def _adapter(region: Any) -> Any:
    """Calls to the image service, from /v2 on, whether or not the catalogue's endpoint already ends there."""
    adapter = importlib.import_module("keystoneauth1.adapter").Adapter(
        region.get_session(),
        service_type="image",
        interface=region.get_interface("image"),
        region_name=region.get_region_name("image"),
        endpoint_override=region.get_endpoint("image"),
        connect_retries=0,
    )
    endpoint = str(adapter.get_endpoint() or "").rstrip("/")
    if not endpoint:
        raise CloudUnknown("The cloud names no image service.")
    adapter.endpoint_override = endpoint if endpoint.rpartition("/")[2].startswith("v2") else f"{endpoint}/v2"
    return adapter


def _reason(page: str) -> str:
    """The sentence in the HTML page that image services answer errors with."""
    text = page.partition("</h1>")[2] or page
    return " ".join(html.unescape(text.partition("<br")[0]).split())[:500]
