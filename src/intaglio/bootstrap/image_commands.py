"""What `intaglio image inspect` does: judging the stored data of images anew."""

from collections.abc import Callable

from intaglio.bootstrap.administration import with_parts
from intaglio.bootstrap.settings import Settings
from intaglio.services import inspection, marks
from intaglio.services.inspection import Finding
from intaglio.services.inventory import Told
from intaglio.services.parts import Parts

_MIB = 1 << 20


def inspect(
    settings: Settings,
    image: str | None,
    *,
    again: bool,
    deactivate: bool,
    mebibytes_per_second: float | None,
    told: Told,
    found: Callable[[Finding], None],
) -> list[Finding]:
    """See `inspection.inspect`; `found` hears of each image as soon as it was judged."""
    rate = None if mebibytes_per_second is None else mebibytes_per_second * _MIB

    async def work(parts: Parts) -> list[Finding]:
        await marks.recall(parts)
        findings = []
        judged = inspection.inspect(
            parts, image_id=image, again=again, deactivate=deactivate, bytes_per_second=rate, told=told
        )
        async for finding in judged:
            found(finding)
            findings.append(finding)
        return findings

    return with_parts(settings, work)
