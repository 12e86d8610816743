"""A service as it starts from nothing, the clients, and a real bootable image."""

import contextlib
import dataclasses
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.compat.expectations import not_yet
from tests.compat.results import promised
from tests.compat.verbs import RECORDER, names
from tests.starters.base import ROOT, debian
from tests.starters.clients import clients
from tests.starters.glance import glance
from tests.starters.intaglio import User, intaglio
from tests.starters.keystone import Keystone
from tests.starters.keystone_people import PASSWORD

HERE = Path(__file__).parent
OTHER = User("olga", "other", ("member", "reader"))
ISO = Path("/usr/lib/grub-rescue/grub-rescue-cdrom.iso")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """What the test's own setting up uses is counted as used by it."""
    RECORDER.uses.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Keep what the test used beside its outcome, for the page of compatibility."""
    yield
    used = names(RECORDER.uses)
    item.user_properties += [("verb", verb) for verb in sorted(used)]
    listed = used & set(not_yet())
    assert not listed, f"these work now: take them out of tests/compat/expected.toml: {', '.join(sorted(listed))}"
    lost = promised(f"{item.path.name}::{item.name}") - used
    assert not lost, f"docs/reference/compatibility.json says that this test uses {', '.join(sorted(lost))}"


@dataclasses.dataclass
class Service:
    """A service and what the clients need to find it; `identity` and `region` where Keystone says who calls.

    `restart` keeps address and data.
    """

    url: str
    clouds: Path
    server: Any
    peer: bool
    identity: Keystone | None = None
    region: str = ""

    def restart(self) -> None:
        self.server.restart()


@pytest.fixture(scope="package")
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Intaglio started with no configuration at all; with `--against-glance` the real Glance, without logins."""
    directory = tmp_path_factory.mktemp("compat")
    if request.config.getoption("against_glance"):
        with glance(directory) as server:
            clouds = directory / "clouds.yaml"
            auth = f"auth_type: none, auth: {{endpoint: '{server.url}'}}, image_endpoint_override: '{server.url}'"
            clouds.write_text(f"clouds: {{intaglio: {{{auth}}}}}\n")
            yield Service(server.url, clouds, server, peer=True)
    else:
        with intaglio(directory) as server_:
            server_.add_user(OTHER)
            with server_.clouds.open("a") as file:
                login = f"username: {OTHER.name}, password: {OTHER.password}"
                auth = f"auth_type: http_basic, auth: {{endpoint: '{server_.url}', {login}}}"
                file.write(f"  other: {{{auth}, image_endpoint_override: '{server_.url}'}}\n")
            yield Service(server_.url, server_.clouds, server_, peer=False)


@dataclasses.dataclass(frozen=True)
class Clients:
    """The commands of an environment that knows nothing of ours."""

    bin: Path
    service: Service
    home: Path
    cloud: str = "intaglio"

    @property
    def _environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if key in {"PATH", "LANG", "TMPDIR"}}
        return kept | {
            "HOME": str(self.home),
            "LC_ALL": "C.UTF-8",
            "OS_CLIENT_CONFIG_FILE": str(self.service.clouds),
            "OS_CLOUD": self.cloud,
            "PYTHONWARNINGS": "ignore",
        }

    def run(
        self,
        program: str,
        *words: str | Path,
        environment: dict[str, str] | None = None,
        given: Path | None = None,
        terminal: bool = False,
    ) -> tuple[int, str, str]:
        """Exit status, output and errors of a program of that environment.

        It reads the file `given`, or at a `terminal` no data, on its standard input.
        """
        with contextlib.ExitStack() as stack:
            stdin = stack.enter_context((given or Path(os.devnull)).open("rb")).fileno()
            if terminal:
                screen, stdin = os.openpty()
                stack.callback(os.close, screen)
                stack.callback(os.close, stdin)
            done = subprocess.run(
                [self.bin / program, *words],
                env=environment or self._environment,
                cwd=self.home,
                stdin=stdin,
                capture_output=True,
                text=True,
                check=False,
                timeout=100,
            )
        RECORDER.command(program, [str(word) for word in words], worked=not done.returncode, said=done.stderr)
        return done.returncode, done.stdout, done.stderr

    def openstack(self, *words: str | Path) -> str:
        """What `openstack image …` prints."""
        status, output, errors = self.run("openstack", "image", *words)
        assert status == 0, f"openstack image {' '.join(map(str, words))}: {errors}{output}"
        return output

    def document(self, *words: str | Path) -> Any:
        """The same as JSON."""
        return json.loads(self.openstack(*words, "-f", "json"))

    def refused(self, *words: str | Path) -> str:
        """What `openstack image …` says when it fails."""
        status, output, errors = self.run("openstack", "image", *words)
        assert status != 0, output
        return errors + output

    def glance_arguments(self) -> Sequence[str]:
        """The glance command knows Keystone; without it only tokens: then the login travels in the address."""
        url = self.service.url
        if self.service.identity is not None:
            return self._login(self.service.identity)
        if not self.service.peer:
            cloud = self._cloud()
            url = url.replace("http://", f"http://{cloud['username']}:{quote(cloud['password'])}@")
        return ("--os-image-url", url, "--os-auth-token", "unused")

    def _login(self, identity: Keystone) -> Sequence[str]:
        user, project = {"admin": ("root", "ops"), "password": ("mia", "alpha"), "other": ("stan", "beta")}[self.cloud]
        words = ["--os-auth-url", identity.url, "--os-username", user, "--os-password", PASSWORD]
        words += ["--os-project-name", project, "--os-region-name", self.service.region]
        return [*words, "--os-user-domain-name", "Default", "--os-project-domain-name", "Default"]

    def _cloud(self) -> dict[str, str]:
        script = (
            f"import json,openstack;print(json.dumps(openstack.connect(cloud='{self.cloud}').config.config['auth']))"
        )
        status, output, errors = self.run("python", "-c", script)
        assert status == 0, errors
        auth: dict[str, str] = json.loads(output)
        return auth

    def glance(self, *words: str | Path, terminal: bool = False) -> str:
        """What the `glance` command prints."""
        status, output, errors = self.run("glance", *self.glance_arguments(), *words, terminal=terminal)
        assert status == 0, f"glance {' '.join(map(str, words))}: {errors}{output}"
        return output

    def glance_refused(self, *words: str | Path) -> str:
        """What the `glance` command says when it fails."""
        status, output, errors = self.run("glance", *self.glance_arguments(), *words)
        assert status != 0, output
        return errors + output

    def python(self, script: str, *words: str | Path) -> Any:
        """The JSON that a script of this directory prints in the clients' Python."""
        with tempfile.TemporaryDirectory() as place:
            calls = Path(place) / "calls"
            environment = self._environment | {"COMPAT_CALLS": str(calls), "PYTHONPATH": str(ROOT)}
            status, output, errors = self.run("python", HERE / script, *words, environment=environment)
            RECORDER.script(calls)
        assert status == 0, f"{script}: {errors}{output}"
        return json.loads(output)


@pytest.fixture(scope="package")
def user(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Clients:
    """A person at a terminal."""
    return Clients(clients(), service, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="package")
def other(user: Clients) -> Clients:
    """A person of another project, at the next terminal."""
    return dataclasses.replace(user, cloud="other")


@pytest.fixture(scope="package")
def iso() -> Path:
    """A real bootable image, 5 MB."""
    debian(["grub-rescue-pc"], "a real bootable ISO", provides=[str(ISO)])
    return ISO
