"""The real command line and Python clients, in an environment of their own."""

from pathlib import Path

from tests.starters.base import venv

REQUIREMENTS = ("python-openstackclient==10.5.0", "python-glanceclient==4.13.0", "openstacksdk==4.22.0")


def clients() -> Path:
    """The directory of `openstack`, `glance` and a `python` that has openstacksdk. Raises `Missing`."""
    return venv("clients", REQUIREMENTS)
