"""A cloud that an operator's `clouds.yaml` or `OS_*` variables name, and its image service.

openstacksdk finds the cloud and signs in (Keystone, HTTP Basic, none), so that whatever works for `openstack` works
here. It takes most of a second to import and is an extra: `intaglio[client]`.
"""

import contextlib
import html
import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from intaglio.base.errors import Invalid, NotFound, Unavailable
from intaglio.client.events import ServerEvent, events_in

_LATER = {429, 500, 502, 503, 504}
_SILENCE_SECONDS = 60  # events come at least every quarter of that, if only to say that there are none


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


class CallConflicts(CallRefused):
    """The image service refused a call because of the image's present state, for example because it is in use."""

    code = "call-conflicts"


class CallFailed(CallRefused):
    """The image service, or what is in front of it, could not answer a call now; another time it may."""

    code = "call-failed"


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

    def evidence(self, image_id: str) -> list[dict[str, Any]]:
        """The signatures that were verified on an image's way in. Raises `NoSuchImage`, `CallRefused`."""
        said = "This image service keeps no such signatures: it is not Intaglio, or an older one."
        return list((self._call("GET", f"/images/{image_id}/evidence", missing=said) or {}).get("evidence", []))

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
        self.patch(image_id, values)

    def patch(self, image_id: str, values: Mapping[str, Any], removed: Iterable[str] = ()) -> Mapping[str, Any]:
        """Set and remove fields and properties in one call; the image afterwards.

        Raises `NoSuchImage`, `CallRefused`.
        """
        operations: list[dict[str, Any]] = [
            {"op": "add", "path": _pointer(name), "value": value} for name, value in values.items()
        ]
        operations += [{"op": "remove", "path": _pointer(name)} for name in removed]
        headers = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
        path = f"/images/{image_id}"
        return self._call("PATCH", path, json=operations, headers=headers, missing="The image is gone.") or {}

    def get(self, image_id: str) -> Mapping[str, Any]:
        """An image by its id. Raises `NoSuchImage`, `CallRefused`."""
        return self._call("GET", f"/images/{image_id}", missing=f"There is no image {image_id}.") or {}

    def images(self, **filters: str) -> Iterator[Mapping[str, Any]]:
        """All images that filters of the API leave, page by page. Raises `CallRefused`."""
        page = self._call("GET", "/images", params=filters, missing="This is no image service.") or {}
        while True:
            yield from page.get("images", [])
            following = page.get("next")
            if not following:
                return
            path = "/" + following.lstrip("/").removeprefix("v2/")
            page = self._call("GET", path, missing="The list ended while it was read.") or {}

    def create(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """A new image without data. Raises `CallRefused`."""
        return self._call("POST", "/images", json=dict(fields), missing="This is no image service.") or {}

    def delete(self, image_id: str) -> None:
        """Delete an image. Raises `NoSuchImage`, `CallConflicts` when it is in use, `CallRefused`."""
        self._call("DELETE", f"/images/{image_id}", missing="The image is gone.")

    def turn(self, image_id: str, *, on: bool) -> None:
        """Reactivate or deactivate an image. Raises `NoSuchImage`, `CallRefused`."""
        action = "reactivate" if on else "deactivate"
        self._call("POST", f"/images/{image_id}/actions/{action}", missing="The image is gone.")

    def upload(self, image_id: str, body: Any, *, stage: bool = False) -> None:
        """Send data: an iterable of bytes with a length. With `stage`, for an import. Raises as `delete` does."""
        path = f"/images/{image_id}/{'stage' if stage else 'file'}"
        headers = {"Content-Type": "application/octet-stream"}
        self._call("PUT", path, data=body, headers=headers, missing="The image is gone.")

    def import_image(self, image_id: str, body: Mapping[str, Any]) -> str | None:
        """Ask for an import; the id of its task, None from a service that does not say it. Raises as `delete` does."""
        path = f"/images/{image_id}/import"
        answer = self._answer("POST", path, json=dict(body), missing="The image is gone.")
        return None if answer is None else answer.headers.get("X-Intaglio-Task")

    def events(self, image_id: str, last_id: str = "") -> Iterator[ServerEvent]:
        """What happens to an image, as it happens, after the event `last_id`; nothing from a service without events.

        Ends when nothing is under way with the image any more, and now and then before. Raises `CloudUnreachable` also
        in the middle, `CallRefused`.
        """
        requests = importlib.import_module("requests")
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
        more = {"headers": headers, "stream": True, "timeout": (10, _SILENCE_SECONDS)}
        try:
            answer = self._answer("GET", f"/images/{image_id}/events", missing=None, **more)
            if answer is not None and answer.headers.get("Content-Type", "").startswith("text/event-stream"):
                with contextlib.closing(answer):
                    yield from events_in(answer.iter_lines(decode_unicode=True), last_id)
        except requests.RequestException as error:
            raise CloudUnreachable(f"The events ended: {error}") from error

    def receipt(self, image_id: str) -> str:
        """The envelope of an image's receipt. Raises `NoSuchImage`, which says why there is none, `CallRefused`."""
        return str(self._answer("GET", f"/images/{image_id}/receipt").text)

    def certificates(self) -> Sequence[str]:
        """The certificates (PEM) that the service says its receipts are signed with, the latest first.

        Raises `CallRefused`.
        """
        found = (self._call("GET", "/info/certificates", missing=None) or {}).get("certificates", [])
        return tuple(str(each["certificate"]) for each in found)

    def download(self, image_id: str) -> Iterator[bytes]:
        """The image's data, piece by piece. Raises `NoSuchImage`, `CallRefused`, and `CloudUnreachable` at any time."""
        requests = importlib.import_module("requests")
        more = {"stream": True, "timeout": (10, _SILENCE_SECONDS), "headers": {"Accept-Encoding": "identity"}}
        try:
            answer = self._answer("GET", f"/images/{image_id}/file", missing="The image is gone.", **more)
            with contextlib.closing(answer):
                yield from answer.iter_content(1 << 20)
        except requests.RequestException as error:
            raise CloudUnreachable(f"The data ended early: {error}") from error

    def import_staged(self, image_id: str) -> None:
        """Have the service import what was staged; it goes on after the answer. Raises as `delete` does."""
        body = {"method": {"name": "glance-direct"}}
        self._call("POST", f"/images/{image_id}/import", json=body, missing="The image is gone.")

    def import_url(self, image_id: str, url: str, digest: str) -> None:
        """Have the service fetch a URL and compare what comes with a digest. Only where `checks_downloads`.

        Raises as `delete` does.
        """
        body = {"method": {"name": "web-download", "uri": url, "checksum": digest}}
        self._call("POST", f"/images/{image_id}/import", json=body, missing="The image is gone.")

    def checks_downloads(self) -> bool:
        """Whether the service compares what it fetches from a URL with a digest that is told to it."""
        answer = self._call("GET", "/info/import", missing=None) or {}
        extras = answer.get("import-method-extras", {}).get("value") or {}
        return "checksum" in extras.get("web-download", ())

    def import_methods(self) -> Sequence[str]:
        """The ways of importing that the service offers. Raises `CallRefused`."""
        answer = self._call("GET", "/info/import", missing=None) or {}
        return tuple(answer.get("import-methods", {}).get("value") or ())

    def add_member(self, image_id: str, member: str) -> None:
        """Share an image with a project; once more does nothing. Raises `NoSuchImage`, `CallRefused`."""
        with contextlib.suppress(CallConflicts):
            self._call("POST", f"/images/{image_id}/members", json={"member": member}, missing="The image is gone.")

    def accept_member(self, image_id: str, member: str) -> None:
        """Accept an image for a project. Raises `NoSuchImage`, `CallRefused`."""
        path = f"/images/{image_id}/members/{member}"
        self._call("PUT", path, json={"status": "accepted"}, missing="The project is no member.")

    def remove_member(self, image_id: str, member: str) -> None:
        """End sharing with a project; once more does nothing. Raises `CallRefused`."""
        self._call("DELETE", f"/images/{image_id}/members/{member}", missing=None)

    def project_id(self) -> str | None:
        """The project of the credentials; None when there is no Keystone to say it. Raises `CloudUnreachable`."""
        exceptions = importlib.import_module("keystoneauth1.exceptions")
        try:
            found = self._adapter.get_project_id()
        except exceptions.ClientException as error:
            raise CloudUnreachable(f"The cloud does not let us in: {error}") from error
        return str(found) if found else None

    @property
    def address(self) -> str:
        """Where the image service is."""
        return str(self._adapter.endpoint_override)

    def _call(self, method: str, path: str, *, missing: str | None = "", **more: Any) -> dict[str, Any] | None:
        """An answer's document; None for a 404 when `missing` is None."""
        answer = self._answer(method, path, missing=missing, **more)
        if answer is None:
            return None
        return dict(answer.json()) if answer.content else {}

    def _answer(self, method: str, path: str, *, missing: str | None = "", **more: Any) -> Any:
        exceptions = importlib.import_module("keystoneauth1.exceptions")
        try:
            answer = self._adapter.request(path, method, raise_exc=False, **more)
        except exceptions.ClientException as error:
            raise CloudUnreachable(f"The cloud does not answer: {error}") from error
        if answer.status_code == 404:  # noqa: PLR2004 - the status
            if missing is None:
                return None
            raise NoSuchImage(missing or _reason(answer.text))
        if answer.status_code == 409:  # noqa: PLR2004 - the status
            raise CallConflicts(f"409: {_reason(answer.text)}")
        if answer.status_code in _LATER:
            raise CallFailed(f"{answer.status_code}: {_reason(answer.text)}")
        if answer.status_code >= 400:  # noqa: PLR2004 - the statuses of errors
            raise CallRefused(f"{answer.status_code}: {_reason(answer.text)}")
        return answer


def connect(cloud: str | None, *, otherwise: str | None = None) -> ImageService:
    """The image service of a cloud, which is chosen as `region_of` says.

    Raises `ClientMissing`, `CloudUnknown`, `CloudUnreachable`.
    """
    region = region_of(cloud, otherwise=otherwise)
    problems = importlib.import_module("openstack.exceptions")
    auth_problems = importlib.import_module("keystoneauth1.exceptions")
    try:
        return ImageService(_adapter(region))
    except problems.ConfigException as error:
        raise _unknown(error) from None
    except (problems.SDKException, auth_problems.ClientException) as error:
        raise CloudUnreachable(f"The cloud does not answer: {error}") from error


def region_of(cloud: str | None, *, otherwise: str | None = None) -> Any:
    """What openstacksdk knows of a cloud, before anything is asked of it.

    None is the cloud that OS_CLOUD and OS_* say, or the only one of clouds.yaml, or if it is there `otherwise`. Raises
    `ClientMissing`, `CloudUnknown`.
    """
    try:
        config = importlib.import_module("openstack.config")
    except ImportError:
        raise ClientMissing("This command needs openstacksdk: pip install 'intaglio[client]'.") from None
    problems = importlib.import_module("openstack.exceptions")
    auth_problems = importlib.import_module("keystoneauth1.exceptions")
    try:
        known = config.OpenStackConfig(load_envvars=True)
        if cloud is None and not known.default_cloud and otherwise in known.get_cloud_names():
            cloud = otherwise
        return known.get_one(cloud=cloud)
    except (problems.ConfigException, auth_problems.MissingRequiredOptions) as error:
        raise _unknown(error) from None
    except (problems.SDKException, auth_problems.ClientException) as error:
        raise CloudUnreachable(f"The cloud does not answer: {error}") from error


def _unknown(error: Exception) -> CloudUnknown:
    return CloudUnknown(f"{error} Name a cloud of clouds.yaml with --os-cloud or OS_CLOUD.")


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


def _pointer(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _reason(page: str) -> str:
    """The sentence in the HTML page that image services answer errors with."""
    text = page.partition("</h1>")[2] or page
    return " ".join(html.unescape(text.partition("<br")[0]).split())[:500]
