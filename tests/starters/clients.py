"""The real command line and Python clients, in an environment of their own."""

from pathlib import Path

from tests.starters.environments import environment


def clients() -> Path:
    """The directory of `openstack`, `glance` and a `python` that has openstacksdk. Raises `Missing`."""
    return environment("clients")
