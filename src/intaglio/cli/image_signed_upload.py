"""Sending a file and its signature to an image service, the file being read once where the service lets data wait."""

import contextlib
import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from intaglio.base.errors import IntaglioError

if TYPE_CHECKING:
    from intaglio.client.cloud import ImageService

_PIECE = 1 << 20
_EVIDENCE = "os_glance_signature_evidence"
Sign = Callable[[bytes], Mapping[str, str]]
"""From the digest of a file to the four properties."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Upload:
    """What the image is to be that --upload makes."""

    upload: Annotated[bool, Parameter(help="Make an image of the file, too, and send it.", negative="")] = False
    name: Annotated[str | None, Parameter(help="The image's name. [default: the file's]")] = None
    disk_format: Annotated[str | None, Parameter(help="The format of the file, such as qcow2 or raw.")] = None
    container_format: Annotated[str, Parameter(help="The container of the disk.")] = "bare"
    visibility: Annotated[
        Literal["public", "community", "shared", "private"] | None, Parameter(help="Who sees the image.")
    ] = None
    property: Annotated[list[str] | None, Parameter(help="A property, NAME=VALUE; may be repeated.", negative="")] = (
        None
    )

    def fields(self, file: Path) -> dict[str, str]:
        """What the image is made with. Raises `CallRefused`."""
        from intaglio.client.cloud import CallRefused

        if self.disk_format is None:
            raise CallRefused("Say what the file is with --disk-format, such as qcow2 or raw.")
        for text in self.property or ():
            if "=" not in text:
                raise CallRefused(f"'{text}' is no property: write NAME=VALUE.")
        named = dict(text.split("=", 1) for text in self.property or ())
        given = {"name": self.name or file.stem, "disk_format": self.disk_format}
        given |= {"container_format": self.container_format}
        return {**named, **given, **({"visibility": self.visibility} if self.visibility else {})}


class _Body:
    """A file as pieces with a known length, and what they hash to once they were sent."""

    def __init__(self, path: Path, algorithm: str, told: Callable[[int], None]) -> None:
        self._path = path
        self._algorithm = algorithm
        self._told = told
        self._size = path.stat().st_size
        self._running = hashlib.new(algorithm)
        self._sha512 = hashlib.sha512()

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        """Again from the beginning, when the request is sent again."""
        self._running, self._sha512 = hashlib.new(self._algorithm), hashlib.sha512()
        with self._path.open("rb") as file:
            while piece := file.read(_PIECE):
                self._running.update(piece)
                self._sha512.update(piece)
                yield piece
                self._told(len(piece))

    @property
    def digest(self) -> bytes:
        return self._running.digest()

    @property
    def sha512(self) -> str:
        return self._sha512.hexdigest()


def send(service: "ImageService", file: Path, fields: Mapping[str, str], algorithm: str, sign: Sign) -> dict[str, Any]:
    """Make an image of the file with its signature; the image, once the service has verified it.

    Where the service lets data wait for their import, they are sent while they are hashed, and signed before anything
    is imported; elsewhere the file is read twice. Nothing stays of an image that is refused. Raises `CallRefused`,
    `CloudUnreachable`, OSError.
    """
    once = "glance-direct" in service.import_methods()
    signed: Mapping[str, str] = {}
    if not once:
        with file.open("rb") as data:
            signed = sign(hashlib.file_digest(data, algorithm).digest())
    image_id = str(service.create({**fields, **signed})["id"])
    try:
        with _shown(file) as told:
            body = _Body(file, algorithm, told)
            service.upload(image_id, body, stage=once)
        if once:
            service.patch(image_id, sign(body.digest))
            _import(service, image_id)
        image = service.get(image_id)
        _require_same(image, body)
    except BaseException:
        with contextlib.suppress(IntaglioError):
            service.delete(image_id)  # made for this, and nobody asked for another one
        raise
    return dict(image)


def verified(image: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What the service says of having verified the image's signature; None from one that does not say."""
    try:
        found = json.loads(image[_EVIDENCE]).get("verified")
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return found if isinstance(found, dict) else None


def _import(service: "ImageService", image_id: str) -> None:
    from intaglio.cli.image_import_output import shown_progress
    from intaglio.client.cloud import CallRefused
    from intaglio.client.waiting import await_import

    task_id = service.import_image(image_id, {"method": {"name": "glance-direct"}})
    with shown_progress(image_id) as tell:
        outcome = await_import(service, image_id, task_id, tell)
    if outcome.status != "success":
        raise CallRefused(outcome.message)


def _require_same(image: Mapping[str, Any], body: _Body) -> None:
    from intaglio.client.cloud import CallRefused

    if image.get("status") != "active":
        raise CallRefused(f"The image is {image.get('status')}, and should be active.")
    same = image.get("os_hash_value") == body.sha512
    if image.get("os_hash_algo") == "sha512" and not same and "os_glance_source_hash" not in image:
        raise CallRefused("The service has other data than those that were sent.")


@contextlib.contextmanager
def _shown(file: Path) -> Iterator[Callable[[int], None]]:
    """A bar for the bytes that are sent, on standard error; now and then a line where that is no terminal."""
    from intaglio.cli.output import console_on

    size = file.stat().st_size
    console = console_on(stderr=True)
    if not console.is_terminal:
        yield _Tenths(file.name, size).told
        return
    from rich.markup import escape
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as bars:
        bar = bars.add_task(f"{escape(file.name)}: sending", total=size)
        yield lambda more: bars.update(bar, advance=more)


class _Tenths:
    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._size = size
        self._done = 0

    def told(self, more: int) -> None:
        before, self._done = self._done, self._done + more
        if self._size and 10 * before // self._size != 10 * self._done // self._size:
            sys.stderr.write(f"{self._name}: sending, {self._done} of {self._size} bytes\n")
