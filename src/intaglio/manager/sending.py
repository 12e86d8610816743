"""Bringing a build into a cloud: create, send, wait, compare, describe. It is private until all of that is done."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from intaglio.base.errors import IntaglioError, Invalid, Unavailable
from intaglio.client.cloud import CallRefused, ImageService
from intaglio.manager import desired, naming
from intaglio.manager.actions import Import
from intaglio.manager.cache import Content, DigestMismatch
from intaglio.manager.progress import Meter
from intaglio.manager.state import Image, image_from
from intaglio.manager.upstream.unpack import packing
from intaglio.manager.upstream.web import PIECE

IMPORT_SECONDS = 1800
"""The original program's budget for an import to become active."""
_STAGED = "glance-direct"


class ImportFailed(Invalid):
    """The cloud took the data and did not make an image of them."""

    code = "import-failed"


class WrongProject(Invalid):
    """A new image belongs to another project than the managed ones: nothing more is done."""

    code = "wrong-project"


class NotHandedOver(Unavailable):
    """The cloud did not fetch a build itself; the image that waits for it is there."""

    code = "not-handed-over"

    def __init__(self, image_id: str, reason: str) -> None:
        super().__init__(reason)
        self.image_id = image_id


class Options(msgspec.Struct, frozen=True):
    """How patient a run is."""

    import_seconds: float = IMPORT_SECONDS
    retries: int = 0
    """How often an import that fails in the cloud is deleted and tried again."""
    jobs: int = 4
    """Downloads at once."""


class _Body:
    """A file as pieces with a known length, and the digests of what has been sent."""

    def __init__(self, path: Path, meter: Meter) -> None:
        self._path = path
        self._meter = meter
        self._size = path.stat().st_size
        self.hashes = {name: hashlib.new(name, usedforsecurity=False) for name in ("md5", "sha256", "sha512")}

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        sent = 0
        for running in self.hashes:
            self.hashes[running] = hashlib.new(running, usedforsecurity=False)
        with self._path.open("rb") as file:
            while piece := file.read(PIECE):
                for running_ in self.hashes.values():
                    running_.update(piece)
                yield piece
                sent += len(piece)
                self._meter(sent, self._size)


class Sender:
    """Sends builds to one cloud."""

    def __init__(
        self,
        service: ImageService,
        tag: str,
        project: str | None,
        options: Options,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._service = service
        self._tag = tag
        self._project = project
        self._options = options
        self._pause = pause
        self._staged: bool | None = None
        self._fetches: bool | None = None

    def can_hand_over(self, action: Import) -> bool:
        """Whether the cloud can fetch the build itself and verify it: it says so once, and needs the file's digest."""
        if action.digest is None or any(packing(source) for source in action.sources):
            return False
        if not all(source.startswith(("http://", "https://")) for source in action.sources):
            return False
        if self._fetches is None:
            self._fetches = self._service.checks_downloads()
        return self._fetches

    def hand_over(self, action: Import, meter: Meter) -> Image:
        """Like `send`, with data that the cloud fetches from the first source that delivers them.

        Raises `NotHandedOver` when it cannot; the image then waits for data that are sent.
        """
        digest = str(action.digest)
        image = self._ready(action, action.image_id, digest)
        if image.status != "queued":  # an interrupted run began to fill it; nobody here knows with what
            image = self._active(image.id, meter)
            if f"{image.hash_algorithm}:{image.hash_value}" == digest:
                return self._described(action, self._sized(action, image), digest)
            raise NotHandedOver(image.id, "it has data already, which are to be compared")
        reasons = []
        for source in action.sources:
            try:
                self._service.import_url(image.id, source, digest)
                image = self._active(image.id, meter)
            except (CallRefused, ImportFailed) as error:
                reasons.append(str(error))
            else:
                return self._described(action, self._sized(action, image), digest)
        raise NotHandedOver(image.id, "; ".join(reasons))

    def _sized(self, action: Import, image: Image) -> Image:
        """The image, if it has as many bytes as are pinned. Not after a conversion, which changes that."""
        if action.size is not None and image.disk_format == action.format and image.size not in {None, action.size}:
            self.give_up(image.id)
            raise DigestMismatch(f"The cloud has {image.size} bytes for '{image.name}', and {action.size} are pinned.")
        return image

    def send(self, action: Import, content: Content, meter: Meter, image_id: str | None = None) -> Image:
        """The finished image, still private and under its first name. Raises when it is not what was published.

        `image_id` is an image that was made for it, when the plan did not know one.
        """
        image_id = image_id or action.image_id
        for attempt in range(self._options.retries + 1):
            image = self._ready(action, image_id, content.digest)
            try:
                return self._filled(action, image, content, meter)
            except (CallRefused, ImportFailed, DigestMismatch):
                self.give_up(image.id)
                image_id = None
                if attempt == self._options.retries:
                    raise
        raise ImportFailed("not tried")  # not reached: the last attempt returns or raises

    def _ready(self, action: Import, image_id: str | None, digest: str) -> Image:
        """An image to fill: that of an interrupted run, or a new one."""
        if image_id is not None:
            return image_from(self._service.get(image_id))
        fields: dict[str, Any] = {
            "name": action.first_name,
            "visibility": "private",
            "container_format": "bare",
            "disk_format": action.format,
            "min_disk": action.min_disk,
            "min_ram": action.min_ram,
            "tags": list(action.tags),
            naming.STATE: "importing",
            naming.DEFINITION: action.definition,
            naming.VERSION: action.version,
            naming.DIGEST: digest,
        }
        fields |= {"id": action.fixed_id} if action.fixed_id else {}
        image = image_from(self._service.create(fields))
        if self._project is not None and image.owner != self._project:
            self.give_up(image.id)
            raise WrongProject(
                f"New images belong to {image.owner}, and the managed ones to {self._project}: name the project with "
                "--project-id, or use other credentials."
            )
        return image

    def _filled(self, action: Import, image: Image, content: Content, meter: Meter) -> Image:
        body = _Body(content.path, meter)
        if image.status == "queued":
            self._upload(image.id, body)
        else:
            for _ in body:  # an interrupted run has sent it: only the digests are missing
                pass
        image = self._active(image.id)
        _compare(image, action, body)
        return self._described(action, image, content.digest)

    def _described(self, action: Import, image: Image, digest: str) -> Image:
        """The image with all that it is to say of itself, as its last change before it is published."""
        wanted: dict[str, Any] = {
            **action.properties,
            naming.DIGEST: digest,
            "min_disk": desired.min_disk(action.min_disk, image.virtual_size),
            "min_ram": action.min_ram,
            "tags": sorted({*image.tags, *action.tags}),
            "name": action.first_name,
        }
        gone = [name for name in (naming.STATE,) if name in image.properties]
        return image_from(self._service.patch(image.id, wanted, gone))

    def _upload(self, image_id: str, body: _Body) -> None:
        """By way of an import where the cloud offers it, because its plug-ins (conversion to raw) hang on that."""
        if self._staged is None:
            self._staged = _STAGED in self._service.import_methods()
        self._service.upload(image_id, body, stage=self._staged)
        if self._staged:
            self._service.import_staged(image_id)

    def _active(self, image_id: str, meter: Meter | None = None) -> Image:
        waited, step = 0.0, 0.1
        while True:
            document: Mapping[str, Any] = self._service.get(image_id)
            image = image_from(document)
            if image.status in {"active", "deactivated"}:
                return image
            if meter is not None:
                self._show(image_id, meter)
            failed = document.get("os_glance_failed_import")
            if failed or image.status in {"killed", "deleted"} or (image.status == "queued" and waited > 10):  # noqa: PLR2004 - seconds, as long as the original waits
                into = f" into {failed}" if failed else ""
                raise ImportFailed(f"The cloud did not import '{image.name}'{into}{self._why(image_id)}.")
            if waited > self._options.import_seconds:
                raise ImportFailed(
                    f"'{image.name}' is {image.status} after {waited:.0f} s; --import-timeout allows no more."
                )
            self._pause(step)
            waited, step = waited + step, min(step * 1.5, 10)

    def _why(self, image_id: str) -> str:
        """What the cloud says of its last task, as the end of a sentence."""
        message = next((str(task.get("message") or "") for task in self._service.tasks(image_id)), "")
        return f": {message.rstrip('.')}" if message else ""

    def _show(self, image_id: str, meter: Meter) -> None:
        """How far the cloud is, where it says so."""
        progress = next((task["progress"] for task in self._service.tasks(image_id) if task.get("progress")), None)
        if progress and isinstance(progress.get("bytes"), int):
            meter(progress["bytes"], progress.get("total"))

    def give_up(self, image_id: str) -> None:
        """Delete an image that was begun; one that cannot be deleted now is found by the next run."""
        try:
            self._service.delete(image_id)
        except IntaglioError:
            return


def _compare(image: Image, action: Import, body: _Body) -> None:
    """What the cloud says that it has, and what was sent. Not after a conversion, which changes both."""
    if image.disk_format != action.format:
        return
    theirs = {image.hash_algorithm: image.hash_value, "md5": image.checksum}
    for name, running in body.hashes.items():
        if theirs.get(name) and theirs[name] != running.hexdigest():
            raise DigestMismatch(f"The cloud has other bytes for '{image.name}' than were sent: {name} differs.")
    if image.size is not None and image.size != len(body):
        raise DigestMismatch(f"The cloud has {image.size} bytes for '{image.name}', and {len(body)} were sent.")
