"""Tempest, OpenStack's own test suite, from PyPI in an environment of its own, for an image service behind Keystone.

with keystone(directory / "identity") as identity, intaglio(directory / "service", …) as service:
    suite = prepare(directory / "tempest", identity, service.url, switches)
    for each in suite.run(): print(each.test, each.outcome, each.said)
"""

import dataclasses
import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from tests.starters.base import Missing
from tests.starters.environments import environment
from tests.starters.keystone import Keystone
from tests.starters.keystone_people import PASSWORD
from tests.starters.tempest_images import manifest

Outcome = Literal["passed", "skipped", "failed"]

GROUPS = ("tempest.api.image", "glance_tempest_plugin")
"""What is run: the image tests of Tempest itself, and those that Glance's developers add."""

OF_NOVA = (
    "test_nova_image_snapshot_dependency",
    "test_compute_rejects_invalid",
    "test_compute_rejects_format_mismatch",
)
"""Tests among them that boot servers: they ask Nova, not the image service."""

CONCURRENCY = 2


@dataclasses.dataclass(frozen=True)
class Result:
    """How one test went. `said`: why it was skipped, or the traceback. `seconds`: its own time."""

    test: str
    outcome: Outcome
    seconds: float
    said: str

    @property
    def group(self) -> str:
        """The class it is in."""
        return self.test.rpartition(".")[0]


@dataclasses.dataclass(frozen=True)
class Tempest:
    """A configured suite."""

    directory: Path
    _bin: Path

    def run(self, regex: str = "", *, concurrency: int = CONCURRENCY) -> list[Result]:
        """Run the tests of `GROUPS` whose names `regex` finds, and tell of each; `Missing` if none could be run."""
        wanted = f"^(?=({'|'.join(map(re.escape, GROUPS))})\\.).*{regex}"
        words = ["run", "--config-file", "etc/tempest.conf", "--concurrency", str(concurrency), "--subunit"]
        words += ["--regex", wanted, "--exclude-regex", "|".join(OF_NOVA)]
        stream, errors = self.directory / "stream", self.directory / "errors"
        with stream.open("wb") as out, errors.open("wb") as err:
            self._call(self._bin / "tempest", *words, stdout=out, stderr=err)
        if not stream.stat().st_size:
            raise Missing(f"Tempest ran nothing: {errors.read_text()[-2000:]}")
        read = [self._bin / "python", Path(__file__).with_name("tempest_results.py"), stream]
        done = self._call(*read, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0, done.stdout.decode()
        return sorted((Result(**each) for each in json.loads(done.stdout)), key=lambda each: each.test)

    def _call(self, *command: str | Path, **streams: Any) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [str(word) for word in command],
            cwd=self.directory,
            env={"PATH": f"{self._bin}:/usr/bin:/bin", "HOME": str(self.directory), "PYTHONWARNINGS": "ignore"},
            stdin=subprocess.DEVNULL,
            check=False,
            **streams,
        )


def prepare(
    directory: Path,
    identity: Keystone,
    region: str,
    switches: Mapping[str, bool],
    *,
    content: Mapping[str, str] | None = None,
) -> Tempest:
    """A suite for the image service of that region of the catalogue.

    `switches`: Tempest's own `[image-feature-enabled]`, what the service under test is said to offer. `content`: more
    options of `[image]`, such as addresses to download from. Raises `Missing`.
    """
    binaries = environment("tempest")
    directory.mkdir(parents=True, exist_ok=True)
    suite = Tempest(directory.resolve(), binaries)
    own = suite.directory / "suite"
    done = suite._call(binaries / "tempest", "init", str(own), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise Missing(f"Tempest: tempest init failed: {done.stdout.decode()[-2000:]}")
    options = {"images_manifest_file": str(manifest(suite.directory / "images"))} | dict(content or {})
    (own / "etc" / "tempest.conf").write_text(_configuration(suite.directory, identity, region, options, switches))
    return dataclasses.replace(suite, directory=own)


def _configuration(
    own: Path, identity: Keystone, region: str, image: Mapping[str, str], switches: Mapping[str, bool]
) -> str:
    # Among the image tests, those of formats refuse to run unless there is said to be a Nova; they do not ask it.
    return f"""[DEFAULT]
log_dir = {own}
log_file = tempest.log
[oslo_concurrency]
lock_path = {own}/locks
[auth]
use_dynamic_credentials = true
create_isolated_networks = false
admin_username = admin
admin_password = {PASSWORD}
admin_project_name = admin
admin_domain_name = Default
admin_system = all
[identity]
auth_version = v3
uri_v3 = {identity.url}
region = {region}
v3_endpoint_type = public
[service_available]
glance = true
nova = true
cinder = false
neutron = false
swift = false
[enforce_scope]
keystone = true
glance = true
[glance_api]
system_scope_supported = false
[image]
region = {region}
build_timeout = 60
disk_formats = qcow2,raw,ami,ari,aki,vhd,vmdk,vdi,iso,vhdx,gpt
container_formats = bare,ami,ari,aki,ovf,ova
{_lines(image.items())}
[image-feature-enabled]
{_lines((name, str(on).lower()) for name, on in switches.items())}
"""


def _lines(options: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"{name} = {value}" for name, value in options)
