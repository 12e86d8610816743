"""The clouds.yaml that `serve` writes, read by the real clients."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.serve.service import Service, environment, service
from tests.starters.clients import clients

pytestmark = [pytest.mark.real, pytest.mark.slow]

SDK = "import openstack; print([image.name for image in openstack.connect(cloud='intaglio').image.images()])"


@pytest.fixture(scope="module")
def programs() -> Path:
    return clients()


@pytest.fixture(params=["http_basic", "none"])
def running(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Service]:
    with service(tmp_path, "--auth", request.param) as started:
        yield started.wait_ready()


def run(running: Service, *words: str | Path) -> str:
    kept = environment(OS_CLIENT_CONFIG_FILE=str(running.data_dir / "clouds.yaml"), HOME=str(running.data_dir))
    done = subprocess.run(words, env=kept, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_openstack_command_line(programs: Path, running: Service) -> None:
    words = ["--os-cloud", "intaglio", "image", "list", "-f", "value", "-c", "Name"]
    assert run(running, programs / "openstack", *words) == "admin\n"


def test_openstacksdk(programs: Path, running: Service) -> None:
    assert run(running, programs / "python", "-c", SDK) == "['admin']\n"


def test_glance_command_line_with_the_login_in_the_url(programs: Path, running: Service) -> None:
    """It reads no clouds.yaml and knows no HTTP Basic; the library under it takes a login from the URL."""
    cloud = msgspec.yaml.decode((running.data_dir / "clouds.yaml").read_bytes())["clouds"]["intaglio"]
    auth = cloud["auth"]
    login = f"{auth['username']}:{auth['password']}@" if "username" in auth else ""
    url = f"http://{login}127.0.0.1:{running.port}"
    listed = run(running, programs / "glance", "--os-image-url", url, "--os-auth-token", "unused", "image-list")
    assert "| admin |" in listed
