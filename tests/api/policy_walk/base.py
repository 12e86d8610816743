"""What a row of the walk says."""

import dataclasses
from collections.abc import Mapping
from typing import Any

CALLERS = ("nobody", "reader", "member", "other", "sharer", "admin")
"""Without credentials; role reader, and role member, of the project that owns the image; role member of a project that
has nothing to do with it, and of one that it is shared with; an administrator."""


@dataclasses.dataclass(frozen=True)
class Ask:
    """One request, and the status that each caller gets.

    The image is active, and shared with the sharer's project. A namespace in the path is private, of the same project.
    """

    statuses: Mapping[str, int]
    image: Mapping[str, Any]  # fields it has besides
    data: bool  # whether it has data
    variables: Mapping[str, str]  # of the path, beside image_id
    request: Mapping[str, Any]  # what httpx is told; "{image_id}" in a parameter stands for the image


def ask(
    *statuses: int,
    image: Mapping[str, Any] | None = None,
    data: bool = True,
    variables: Mapping[str, str] | None = None,
    **request: Any,
) -> Ask:
    """A request with its statuses, in the order of `CALLERS`."""
    return Ask(dict(zip(CALLERS, statuses, strict=True)), image or {}, data, variables or {}, request)
