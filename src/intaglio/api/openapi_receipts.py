"""Describes receipts and the certificates they are verified by, for the OpenAPI document."""

from typing import Any

_TEXT = {"type": "string"}
_BASE64 = {"type": "string", "contentEncoding": "base64"}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def receipt_schemas() -> dict[str, Any]:
    """By their names in the document. What is in a receipt is described in the reference."""
    certificate = _object({"keyid": _TEXT, "certificate_sha256": _TEXT, "certificate": _TEXT, "since": _TEXT})
    return {
        "Receipt": _object(
            {
                "payload": _BASE64,
                "payloadType": {"const": "application/vnd.in-toto+json"},
                "signatures": {"type": "array", "items": _object({"sig": _BASE64, "keyid": _TEXT}), "minItems": 1},
            }
        ),
        "ServiceCertificates": _object({"certificates": {"type": "array", "items": certificate}}),
    }
