"""The upstreams that are known, by the words with which definitions name them."""

from collections.abc import Mapping

from intaglio.manager.discovery import almalinux, alpine, centos, debian, fedora, flatcar, opensuse, rocky, ubuntu
from intaglio.manager.discovery.base import Upstream

UPSTREAMS: Mapping[str, Upstream] = {
    "almalinux": almalinux.newest,
    "alpine": alpine.newest,
    "centos": centos.newest,
    "debian": debian.newest,
    "fedora": fedora.newest,
    "flatcar": flatcar.newest,
    "opensuse": opensuse.newest,
    "rocky": rocky.newest,
    "ubuntu": ubuntu.newest,
}


def upstream_of(*words: str) -> Upstream | None:
    """The upstream that the first of these words to name one begins with: shortname, distribution, name."""
    for word in words:
        for name, upstream in UPSTREAMS.items():
            if word.lower().startswith(name):
                return upstream
    return None
