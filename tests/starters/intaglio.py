"""Intaglio itself, as an operator runs it: `intaglio serve` from this environment, on a free port of 127.0.0.1.

with intaglio(directory, users=[User("ann", "alpha", ("member", "reader"))]) as service:
    requests to service.url ...
    service.kill()          # every process at once, as a power cut would
    service.start()         # on the same data
"""

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from tests.starters.base import free_port, process, wait_until

COMMAND = Path(sys.executable).with_name("intaglio")

Auth = Literal["none", "http_basic", "keystone", "trusted_proxy"]


@dataclasses.dataclass(frozen=True)
class User:
    """A local user: who signs in with which password, for which project, with which roles."""

    name: str
    project: str
    roles: tuple[str, ...]
    password: str = "an honest test password"


@dataclasses.dataclass
class Intaglio:
    """A configured service; `start`, `stop` and `kill` may be called any number of times."""

    url: str
    port: int
    data: Path
    log: Path
    users: Mapping[str, User]
    arguments: Sequence[str | Path]
    environment: Mapping[str, str]
    within: Sequence[str | Path] = ()
    pid: int = 0
    _running: contextlib.ExitStack = dataclasses.field(default_factory=contextlib.ExitStack)

    @property
    def clouds(self) -> Path:
        """The file that tells the ordinary clients where the service is and who they are."""
        return self.data / "clouds.yaml"

    def start(self, *, healthy: bool = True) -> None:
        """Start the service and wait until it is healthy, or without `healthy` only until it answers."""
        command = [*self.within, COMMAND, "serve", *self.arguments]
        running = self._running.enter_context(process(command, log=self.log, env=self.environment, cwd=self.log.parent))
        self.pid = running.pid

        def ready() -> bool:
            if running.poll() is not None:
                raise RuntimeError(f"intaglio serve ended while starting:\n{self.log.read_text()[-4000:]}")
            return _answers(f"{self.url}/healthcheck" if healthy else f"{self.url}/versions")

        try:
            wait_until(ready, f"intaglio serve (log {self.log})")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the service as a supervisor would (SIGTERM); what it stored stays."""
        self._running.close()
        self.pid = 0

    def kill(self) -> None:
        """End every process at the same moment, unasked (SIGKILL)."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.stop()

    def restart(self) -> None:
        """Stop and start again, on the same port and data."""
        self.stop()
        self.start()

    def pids(self) -> list[int]:
        """Every process of the service: the supervisor first, then API processes and worker."""
        members = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                    if int(fields[3]) == self.pid:  # the session, which starts with the supervisor
                        members.append(int(entry.name))
        return sorted(members, key=lambda pid: (pid != self.pid, pid))

    def run(self, *words: str | Path, given: str = "") -> str:
        """What another `intaglio` command prints; fails the test when the command does."""
        done = subprocess.run(
            [COMMAND, *words], env=self.environment, input=given, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"intaglio {' '.join(map(str, words))}: {done.stderr}{done.stdout}"
        return done.stdout

    def add_user(self, user: User) -> None:
        """Make a local user, by the ordinary command."""
        roles = [word for role in user.roles for word in ("--role", role)]
        self.run(
            *("user", "add", user.name, "--project", user.project, *roles, "--password-stdin"),
            *("--data-dir", self.data),
            given=f"{user.password}\n",
        )


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return bool(answer.status < 400)
    except OSError:
        return False


@contextlib.contextmanager
def intaglio(
    directory: Path,
    *,
    auth: Auth | None = "http_basic",
    workers: int = 2,
    conf: Path | str = "",
    users: Sequence[User] = (),
    started: bool = True,
    within: Sequence[str | Path] = (),
) -> Iterator[Intaglio]:
    """An Intaglio of its own with its data in `directory` until the block ends; all its processes are then gone.

    `conf`: an operator's glance-api.conf, or text for one (a database address is one of its options). `users`: made
    before the first start. `auth`: None leaves it to the configuration. `started`: False leaves `start` to the caller.
    `within`: a command that becomes the one after it, such as what gives it mounts of its own.
    """
    directory = directory.resolve()
    data = directory / "data"
    data.mkdir(parents=True, exist_ok=True)
    port = free_port()
    arguments: list[str | Path] = ["--bind", f"127.0.0.1:{port}", "--data-dir", data]
    arguments += ["--workers", str(workers), *([] if auth is None else ["--auth", auth])]
    if isinstance(conf, str) and conf:
        (directory / "operator.conf").write_text(conf)
        conf = directory / "operator.conf"
    if conf:
        arguments += ["--config-file", conf]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("OS_", "INTAGLIO_"))}
    service = Intaglio(
        url=f"http://127.0.0.1:{port}",
        port=port,
        data=data,
        log=directory / "serve.log",
        users={user.name: user for user in users},
        arguments=arguments,
        environment=environment | {"HOME": str(directory)},
        within=within,
    )
    for user in users:
        service.add_user(user)
    try:
        if started:
            service.start()
        yield service
    finally:
        service.stop()
