"""`intaglio catalog check`: compare files, or what a cloud offers, with the Sovereign Cloud Stack's standards."""

import sys
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from intaglio.cli.catalog import CHANGES, DONE, Files, coded
from intaglio.cli.catalog_options import CloudOptions
from intaglio.cli.options import FormatOption
from intaglio.manager.policy import MANAGED

if TYPE_CHECKING:
    from pathlib import Path

    from intaglio.manager.scs.subject import Finding, Subject

_CLOUD = CloudOptions()
_ALL = ("scs-0102-v1", "scs-0102-v2", "scs-0104-v1", "scs-0104-v2")


def check(
    path: Files | None = None,
    /,
    *,
    live: Annotated[
        bool, Parameter(help="Check the public images of the cloud instead of files.", negative="")
    ] = False,
    standard: Annotated[
        list[Literal["scs-0102-v1", "scs-0102-v2", "scs-0104-v1", "scs-0104-v2"]] | None,
        Parameter(help="Only this standard; may be repeated. [default: all]", negative=""),
    ] = None,
    strict: Annotated[bool, Parameter(help="Fail for recommendations, too.", negative="")] = False,
    cloud: CloudOptions = _CLOUD,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> int:
    """Check files of definitions, or with --live a cloud, against SCS-0102 (metadata) and SCS-0104 (standard images).

    Judged is what is public. Version 1 of both is stable, version 2 a draft. Files need neither network nor cloud; what
    only a cloud knows, such as the size of an image, is not judged of them.

    The exit code is 0 when all musts are met, 2 when one is not, 3 when the definitions are wrong.

    For example:

        intaglio catalog check images/ --standard scs-0102-v2

        intaglio catalog check --live --os-cloud intaglio --format json
    """
    from datetime import UTC, datetime

    from intaglio.cli.output import print_json, print_table
    from intaglio.manager.scs.report import findings

    def work() -> int:
        chosen = standard or _ALL
        subjects = _of_cloud(cloud) if live else _of_files(path)
        found = findings(subjects, chosen, datetime.now(UTC))
        if format == "json":
            print_json({"standards": chosen, "images": len(subjects), "findings": found})
        else:
            titles = ("standard", "rule", "level", "image", "what", "where")
            print_table(titles, [_row(each) for each in found])
            musts = sum(each.level == "must" for each in found)
            said = f"{len(subjects)} images, {musts} musts not met, {len(found) - musts} recommendations not met"
            sys.stderr.write(f"{said}\n")
        return CHANGES if any(strict or each.level == "must" for each in found) else DONE

    return coded(work)


def _row(each: "Finding") -> tuple[str, ...]:
    return each.standard, each.rule, each.level, each.image, each.message, each.where


def _of_cloud(cloud: CloudOptions) -> "list[Subject]":
    from intaglio.manager.scs.subject import of_cloud
    from intaglio.manager.state import image_from

    service = cloud.target().service
    documents = (each for hidden in ("false", "true") for each in service.images(visibility="public", os_hidden=hidden))
    return of_cloud({image.id: image for image in map(image_from, documents)}.values())


def _of_files(path: "Path | None") -> "list[Subject]":
    from pathlib import Path

    from intaglio.manager import catalogue
    from intaglio.manager.scs.subject import of_definitions

    found = catalogue.checked(catalogue.read(path or Path("images")))
    return of_definitions(found.definitions, MANAGED)
