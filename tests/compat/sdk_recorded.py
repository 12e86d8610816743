"""Imported by the scripts that the clients' Python runs: connections whose calls for images are written down."""

import json
import os
import pathlib
from collections.abc import Callable
from typing import Any

import openstack


class Recorded:
    """The SDK's images, which also notes in the file $COMPAT_CALLS what was called and whether it worked."""

    def __init__(self, proxy: Any) -> None:
        self._proxy = proxy

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._proxy, name)
        return self._noting(name, found) if callable(found) else found

    def _noting(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*values: Any, **named: Any) -> Any:
            try:
                answer = call(*values, **named)
                if hasattr(answer, "send"):  # a list that is asked for page by page: now
                    answer = iter(list(answer))
            except Exception:
                _note(name, worked=False)
                raise
            _note(name, worked=True)
            return answer

        return noted


def _note(name: str, *, worked: bool) -> None:
    with pathlib.Path(os.environ["COMPAT_CALLS"]).open("a") as file:
        file.write(json.dumps({"verb": name, "worked": worked}) + "\n")


def images(cloud: str | None = None) -> Any:
    """The image proxy of openstacksdk for that cloud of clouds.yaml; the one of $OS_CLOUD if none is named."""
    return Recorded(openstack.connect(cloud=cloud or os.environ["OS_CLOUD"]).image)
