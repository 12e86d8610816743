"""What `intaglio image inspect` and `sign-all` do: judging, or signing, the stored data of images."""

from collections.abc import Callable, Collection

from intaglio.bootstrap.administration import with_parts
from intaglio.bootstrap.settings import Settings
from intaglio.domain.image import Visibility
from intaglio.services import baseline, inspection, marks
from intaglio.services.baseline import Signed
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


def sign_all(
    settings: Settings,
    image: str | None,
    *,
    visibilities: Collection[Visibility],
    dry_run: bool,
    mebibytes_per_second: float | None,
    told: Told,
    found: Callable[[Signed], None],
) -> list[Signed]:
    """See `baseline.sign_all`; `found` hears of each image as soon as it was signed."""
    rate = None if mebibytes_per_second is None else mebibytes_per_second * _MIB

    async def work(parts: Parts) -> list[Signed]:
        await marks.recall(parts)
        done = []
        signing = baseline.sign_all(
            parts, image_id=image, visibilities=visibilities, dry_run=dry_run, bytes_per_second=rate, told=told
        )
        async for each in signing:
            found(each)
            done.append(each)
        return done

    return with_parts(settings, work)
