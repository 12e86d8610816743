"""`intaglio image` against a running service, found as the OpenStack clients find it."""

import json
import os
import subprocess

import pytest

from tests.compat.conftest import Clients, Service
from tests.starters.base import debian
from tests.starters.intaglio import COMMAND

pytestmark = [pytest.mark.real, pytest.mark.ours]


def run(service: Service, *words: str, **environment: str) -> tuple[int, str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("OS_")}
    found = environment or {"OS_CLIENT_CONFIG_FILE": str(service.clouds)}
    done = subprocess.run(
        [COMMAND, "image", *words], env=kept | found, capture_output=True, text=True, check=False, timeout=100
    )
    return done.returncode, done.stdout, done.stderr


def test_lint_refuses_a_misspelt_property(user: Clients, service: Service) -> None:
    user.openstack("create", "--property", "hw_disk_bsu=virtio", "--property", "hw_vif_model=virtoi", "lint me")
    status, text, _ = run(service, "lint", "lint me")
    assert status == 1
    assert "lint me: error: hw_vif_model = 'virtoi'" in text
    assert "did you mean 'hw_disk_bus'" in text
    user.openstack("unset", "--property", "hw_disk_bsu", "lint me")
    user.openstack("set", "--property", "hw_vif_model=virtio", "lint me")
    assert run(service, "lint", "lint me", "--os-cloud", "intaglio") == (0, "lint me: nothing is wrong\n", "")


def test_suggest_and_apply(user: Clients, service: Service) -> None:
    debian(["osinfo-db"], "libosinfo's database", provides=["/usr/share/osinfo/os"])
    user.openstack("create", "--property", "os_distro=debian", "--property", "os_version=11", "suit me")
    status, text, _ = run(service, "suggest", "suit me")
    assert status == 0
    assert "hw_disk_bus=virtio  # Debian 11 drives a virtio block device" in text
    report = json.loads(run(service, "suggest", "suit me", "--apply", "--format", "json")[1])
    assert {"hw_disk_bus", "min_ram"} <= set(report["applied"])
    shown = user.document("show", "suit me")
    assert (shown["properties"]["hw_disk_bus"], shown["min_ram"]) == ("virtio", 1024)
    assert "hw_firmware_type" not in shown["properties"]
    assert "hw_disk_bus" not in run(service, "suggest", "suit me")[1]


def test_what_goes_wrong_is_said_in_a_line(service: Service) -> None:
    status, _, said = run(service, "lint", "no such image")
    assert (status, said) == (1, "intaglio: No image has the id or the name 'no such image'.\n")
    status, _, said = run(service, "lint", "x", "--os-cloud", "unknown")
    assert status == 1
    assert "Cloud unknown was not found" in said
    nobody = {
        "OS_AUTH_TYPE": "none",
        "OS_ENDPOINT": "http://127.0.0.1:9",
        "OS_IMAGE_ENDPOINT_OVERRIDE": "http://127.0.0.1:9",
    }
    status, _, said = run(service, "lint", "x", **nobody)
    assert status == 1
    assert "does not answer" in said
    assert len(said.splitlines()) == 1
