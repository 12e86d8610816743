"""Describes what was verified of images' data on their way in, for the OpenAPI document."""

from typing import Any

_TEXT = {"type": "string"}


def evidence_schemas() -> dict[str, Any]:
    """By their names in the document. What is in a piece of evidence is described in the reference."""
    needed = {"evidence": {"enum": ["upstream", "replaced"]}, "recorded_at": _TEXT, "signature": _TEXT}
    each = {"type": "object", "properties": needed, "required": list(needed)}
    return {
        "Evidence": {
            "type": "object",
            "properties": {"evidence": {"type": "array", "items": each}},
            "required": ["evidence"],
        }
    }
