"""A real `intaglio` started for one test, and what can be seen of it from outside."""

import contextlib
import http.client
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.starters.base import ROOT, free_port, listening, process, wait_until


class Service:
    def __init__(self, directory: Path, port: int, running: subprocess.Popen[bytes], log: Path) -> None:
        self.data_dir = directory
        self.port = port
        self.process = running
        self._log = log

    @property
    def output(self) -> str:
        """Everything printed and logged so far."""
        return self._log.read_text()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The first match of `pattern` in the output, waited for."""
        wait_until(lambda: bool(re.search(pattern, self.output)) or not self.alive, f"{pattern!r} in the output", 30)
        found = re.search(pattern, self.output)
        assert found, self.output
        return found

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def wait_ready(self) -> "Service":
        self.wait_for(r"ready at http://\S+:\d+")
        return self

    def wait_draining(self) -> None:
        """Until nobody can connect any more."""
        wait_until(lambda: not listening(self.port), "the listening socket's end", 30)

    def stopped(self) -> int:
        return self.process.wait(60)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, object]:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request("GET", path, headers=dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def pid(self) -> int:
        """The API process that answers a request."""
        status, pid = self.get("/pid")
        assert status == 200
        assert isinstance(pid, int)
        return pid

    def children(self) -> dict[int, str]:
        """The names of the processes that the supervisor has now."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                with contextlib.suppress(OSError):
                    name, fields = _stat(entry / "stat")
                    if int(fields[1]) == self.process.pid and fields[0] != "Z":
                        found[int(entry.name)] = name
        return found

    @contextlib.contextmanager
    def upload(self, declared: int) -> Iterator["Upload"]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            yield Upload(connection, declared)

    @contextlib.contextmanager
    def download(self, path: str) -> Iterator[http.client.HTTPResponse]:
        """A response of which only the head has been read."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request("GET", path)
            with connection.getresponse() as response:
                yield response


class Upload:
    """A PUT whose body is sent piece by piece."""

    def __init__(self, connection: socket.socket, declared: int) -> None:
        self._connection = connection
        head = f"PUT /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: {declared}\r\n\r\n"
        self._connection.sendall(head.encode())

    def send(self, data: bytes) -> None:
        self._connection.sendall(data)

    def answer(self) -> tuple[int, bytes]:
        with http.client.HTTPResponse(self._connection) as response:
            response.begin()
            return response.status, response.read()


def _stat(path: Path) -> tuple[str, list[str]]:
    text = path.read_text(errors="replace")
    return text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()


def exists(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        return _stat(Path(f"/proc/{pid}/stat"))[1][0] not in {"Z", "X"}
    except OSError:
        return False


def environment(**extra: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "STUB_", "INTAGLIO_"))}
    return kept | {"PYTHONPATH": str(ROOT)} | extra


@contextlib.contextmanager
def service(directory: Path, *options: str, command: str = "serve", port: int = 0, **extra: str) -> Iterator[Service]:
    """Start `intaglio serve` with the stub, in `directory`; it ends with the block."""
    data_dir, port = directory / "data", port or free_port()
    log = directory / f"log-{len(list(directory.glob('log-*')))}"
    words = [sys.executable, "-m", "tests.serve.stub", command, "--data-dir", str(data_dir)]
    words += [] if command == "worker" or "--bind" in options else ["--bind", f"127.0.0.1:{port}"]
    with process([*words, *options], log=log, env=environment(**extra), cwd=directory) as running:
        yield Service(data_dir, port, running, log)


def intaglio(*words: str, given: str = "", **extra: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    command = [sys.executable, "-m", "tests.serve.stub", *words]
    return subprocess.run(
        command, input=given, capture_output=True, text=True, env=environment(**extra), timeout=60, check=False
    )
