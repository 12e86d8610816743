"""What the catalogue of metadata definitions says about an image: on request, and in a header of writes."""

from collections.abc import Collection

from starlette.responses import Response

from intaglio.api.call import Call
from intaglio.api.responses import json_response
from intaglio.domain.image import Image
from intaglio.domain.metadefs.vocabulary import Finding
from intaglio.services import vocabulary

WARNING_HEADER = "X-Intaglio-Metadef-Warning"
_HEADER_LIMIT = 2000  # characters: proxies refuse long headers


async def validate(call: Call) -> Response:
    examination = await vocabulary.examine(call.parts, call.caller, call.path["image_id"])
    image = examination.image
    return json_response(
        {
            "image_id": image.id,
            "valid": examination.valid,
            "findings": [_finding_view(each) for each in examination.findings],
            "undefined": examination.undefined,
            "suggestions": [
                {
                    "property": each.name,
                    "value": each.value,
                    "current": _current(image, each.name),
                    "reason": each.reason,
                    "certain": each.certain,
                }
                for each in examination.suggestions
            ],
        }
    )


async def warning_headers(call: Call, image: Image, names: Collection[str]) -> dict[str, str]:
    """A header with what is to be said about the properties `names` just written; empty when there is nothing."""
    found = await vocabulary.remarks(call.parts, image, names)
    if not found:
        return {}
    text = " ".join(finding.message for finding in found).encode("ascii", "backslashreplace").decode()
    return {WARNING_HEADER: " ".join(text.split())[:_HEADER_LIMIT]}


def _finding_view(finding: Finding) -> dict[str, str | None]:
    return {
        "property": finding.name,
        "value": finding.value,
        "severity": finding.severity.value,
        "code": finding.code,
        "namespace": finding.namespace,
        "message": finding.message,
    }


def _current(image: Image, name: str) -> str | None:
    least = {"min_ram": image.min_ram, "min_disk": image.min_disk}.get(name)
    return image.properties.get(name) if least is None else str(least)
