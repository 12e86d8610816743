"""The version documents, and which version segments a path may begin with.

A minor version is a label for a set of features; the segment in a path changes nothing in what is answered.
Source: Images API v2, "Versions".
"""

import re
from collections.abc import Mapping
from typing import Any

_BASE = tuple(f"2.{minor}" for minor in range(7, -1, -1))
_SINGLE_STORE = ("2.9",)
_MULTI_STORE = ("2.13", "2.12", "2.11", "2.10", "2.9", "2.8")
_ALWAYS_IN_PATH = ("2", *_BASE, "2.9", "2.15", "2.17")
_MULTI_IN_PATH = ("2.8", "2.10", "2.11", "2.12", "2.13")
_CACHE_IN_PATH = ("2.14", "2.16", "2.18")
_MEDIA_TYPE = re.compile(r"application/vnd\.openstack\.images-(v2(?:\.\d+)?)")


class Versions:
    """The versions of one configuration of the service."""

    def __init__(self, *, multi_store: bool, cache: bool) -> None:
        stores = _MULTI_STORE if multi_store else _SINGLE_STORE
        if cache:
            self._listed = ("2.18", "2.17", "2.16", "2.15", "2.14", *stores, *_BASE)
            self._current = "2.18"
        else:
            self._listed = ("2.15", *stores, "2.17", *_BASE)
            self._current = "2.17"
        in_path = _ALWAYS_IN_PATH + (_MULTI_IN_PATH if multi_store else ()) + (_CACHE_IN_PATH if cache else ())
        self.segments = frozenset(f"v{version}" for version in in_path)

    def document(self, base_url: str) -> Mapping[str, Any]:
        """The list of versions, each with a link that starts with `base_url` (no slash at its end)."""
        return {
            "versions": [
                {
                    "id": f"v{version}",
                    "status": "CURRENT" if version == self._current else "SUPPORTED",
                    "links": [{"rel": "self", "href": f"{base_url}/v2/"}],
                }
                for version in self._listed
            ]
        }

    def accepted(self, accept: str) -> bool:
        """Whether an Accept header asks for a version of this API by its media type."""
        match = _MEDIA_TYPE.match(accept)
        return match is not None and match[1] in self.segments
