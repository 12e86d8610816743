"""What rules are asked about, as the mapping that `%(…)s` in a check reads."""

from collections.abc import Iterator, Mapping
from typing import Any

from intaglio.domain.image import Image

_ALIASES = {"project_id": "owner", "image_id": "id"}
_FIELDS = frozenset(Image.__struct_fields__) - {"locations", "properties", "revision"}  # the first can hold secrets


class ImageTarget(Mapping[str, Any]):
    """An image as rules see it: its fields, its custom properties, `project_id` and `member_id`.

    What is null is absent, so that a caller without a project never matches an image without an owner.
    """

    __slots__ = ("_image", "_member_id")

    def __init__(self, image: Image, *, member_id: str | None = None) -> None:
        self._image = image
        self._member_id = member_id

    def __getitem__(self, key: str) -> Any:
        value = self._value(key)
        if value is None:
            raise KeyError(key)
        return value

    def _value(self, key: str) -> Any:
        field = _ALIASES.get(key, key)
        if field in _FIELDS:
            return getattr(self._image, field)
        return self._member_id if key in {"member_id", "member"} else self._image.properties.get(key)

    def __iter__(self) -> Iterator[str]:
        names = (*_FIELDS, *self._image.properties, *_ALIASES, "member_id")
        return (name for name in dict.fromkeys(names) if self._value(name) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def withheld(self, key: str) -> bool:
        """Whether the value is one that not everybody who sees the image may see: a custom property's."""
        return _ALIASES.get(key, key) not in _FIELDS and key not in {"member_id", "member"}
