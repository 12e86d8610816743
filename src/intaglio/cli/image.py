"""`intaglio image`: what suits the images of a running service; undeletion; inspecting what is stored."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from intaglio.cli.options import FormatOption
from intaglio.cli.sources import ConfigOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from intaglio.client.cloud import ImageService

app = App(name="image", help="Check images of a service, and what suits them; bring deleted ones back.")
app.command("intaglio.cli.image_inspection:inspect", name="inspect")
_NOWHERE = ConfigOptions()

Images = Annotated[list[str], Parameter(help="The images, by id or name.", negative="")]
Image = Annotated[str, Parameter(help="The image, by id or name.")]
Cloud = Annotated[
    str | None,
    Parameter(help="A cloud of clouds.yaml. [default: OS_CLOUD and the other OS_* variables; or intaglio]"),
]


@app.command
def lint(
    images: Images,
    /,
    *,
    os_cloud: Cloud = None,
    strict: Annotated[bool, Parameter(help="Fail for warnings too, not only for errors.", negative="")] = False,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> int:
    """Say what is wrong with images' properties: values that are not allowed, names that are probably misspelt.

    The exit code is 1 when anything is wrong. A misspelt name is wrong: no service would ever read it.

    For example:

        intaglio image lint debian-13 --os-cloud intaglio
    """
    service = connect_to(os_cloud)
    reports = [_validated(service, image) for image in images]
    if format == "json":
        _print_json(reports)
    else:
        for report in reports:
            _print_findings(report)
    wrong = any(_is_wrong(finding, strict=strict) for report in reports for finding in report["findings"])
    return 1 if wrong else 0


@app.command
def suggest(
    image: Image,
    /,
    *,
    os_cloud: Cloud = None,
    apply: Annotated[
        bool, Parameter(help="Set what is suggested, but for what only who made the image can know.", negative="")
    ] = False,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> None:
    """Propose hardware for the operating system that os_distro and os_version name, as libosinfo records it.

    For example:

        intaglio image suggest debian-13

        intaglio image suggest debian-13 --apply
    """
    service = connect_to(os_cloud)
    report = _validated(service, image)
    suggestions: Sequence[Mapping[str, str]] = report["suggestions"]
    certain = {each["property"]: each["value"] for each in suggestions if each["certain"]} if apply else {}
    if certain:
        service.set(report["image_id"], {name: _typed(name, value) for name, value in certain.items()})
    if format == "json":
        _print_json({**report, "applied": sorted(certain)})
        return
    for each in suggestions:
        before = f" (now {each['current']})" if each["current"] else ""
        sys.stdout.write(f"{each['property']}={each['value']}{before}  # {each['reason']}\n")
    if not suggestions:
        sys.stdout.write(
            "Nothing to suggest: os_distro and os_version name no system that libosinfo's database of the service "
            "knows, or the image has all of it.\n"
        )
    elif apply:
        sys.stdout.write(f"Set: {', '.join(certain) or 'nothing'}.\n")


@app.command
def restore(
    image: Annotated[str, Parameter(help="The deleted image, by its id.")],
    /,
    *,
    options: ConfigOptions = _NOWHERE,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> None:
    """Bring a deleted image back as it was, with properties, tags, members and copies, while its data are kept.

    The data of deleted images are kept where the option delayed_delete is on, for scrub_time. The command works on the
    database: it needs the service's configuration, and no running service.

    For example:

        intaglio image restore 4b7e4e31-8f4c-4d8c-9c1f-2a3bd9e2f8a4 --config-file /etc/glance/glance-api.conf
    """
    from intaglio.bootstrap.administration import with_parts
    from intaglio.bootstrap.load import load
    from intaglio.services import kept

    restored = with_parts(load(options.sources()), lambda parts: kept.restore(parts, image))
    back = restored.image
    if format == "json":
        _print_json(
            {
                "id": back.id,
                "name": back.name,
                "status": back.status.value,
                "properties": len(back.properties),
                "tags": len(back.tags),
                "members": restored.members,
                "copies": len(back.locations),
                "doubts": list(restored.doubts),
            }
        )
        return
    sys.stdout.write(
        f"Image {back.id} ({back.name or 'without a name'}) is {back.status} again: {len(back.properties)} properties, "
        f"{len(back.tags)} tags, {restored.members} members, {len(back.locations)} copies.\n"
    )
    for doubt in restored.doubts:
        sys.stderr.write(f"intaglio: a copy could not be seen: {doubt}\n")


def _typed(name: str, value: str) -> str | int:
    return int(value) if name in {"min_ram", "min_disk"} else value


def connect_to(cloud: str | None) -> "ImageService":
    """The service of the cloud named; or that of `intaglio serve` when nothing names one."""
    from intaglio.client.cloud import connect

    return connect(cloud, otherwise="intaglio")


def _validated(service: "ImageService", image: str) -> dict[str, Any]:
    found = service.find(image)
    return {"name": found.get("name"), **service.validate(str(found["id"]))}


def _is_wrong(finding: "Mapping[str, str]", *, strict: bool) -> bool:
    return strict or finding["severity"] == "error" or finding["code"] == "misspelt-name"


def _print_findings(report: "Mapping[str, Any]") -> None:
    name = report["name"] or report["image_id"]
    for finding in report["findings"]:
        sys.stdout.write(f"{name}: {finding['severity']}: {finding['message']}\n")
    if not report["findings"]:
        sys.stdout.write(f"{name}: nothing is wrong\n")


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
