"""A process that has imported the service once and forks workers and API processes from itself when told to.

Each line of its input is a JSON object, each line of its output the process id of the new child. That takes a hundredth
of a start, so that a test can afford hundreds. The children are as the supervisor of the service forks them.
"""

import asyncio
import importlib
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from intaglio.bootstrap import jobs, wiring
from intaglio.bootstrap.address import listen, parse
from intaglio.bootstrap.api_process import ApiOptions, run_api
from intaglio.bootstrap.load import load
from intaglio.bootstrap.processes import fork
from intaglio.bootstrap.settings import Settings
from intaglio.bootstrap.sources import Sources
from intaglio.identity.sealing import FernetSeal
from tests.imports import actor

for _late in ("intaglio.worker.tasks", "intaglio.outbound.fetcher", "intaglio.api.rate_counts"):
    importlib.import_module(_late)  # what a worker or an API process would import when it is needed
_listeners: dict[int, socket.socket] = {}


class OneRegion:
    """A catalogue that has one region, whose address a file holds."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def endpoint(self, token: str, region: str, interface: str) -> str:
        del token, region, interface
        return self._file.read_text().strip()


def _settings(conf: Path) -> Settings:
    """As the file says; with a file `region` beside it, as a service behind Keystone that knows another region."""
    settings = load(Sources(files=(conf,)))
    region = conf.parent / "region"
    if region.exists():
        parts: Any = wiring
        periodic: Any = jobs
        parts.make_seal = lambda _: FernetSeal("a secret of this service")
        periodic.make_regions = lambda _: OneRegion(region)
    return settings


def _worker(home: Path, name: str, conf: Path) -> None:
    asyncio.run(actor.main(home, name, lambda: _settings(conf)))


def _api(home: Path, name: str, conf: Path, port: int) -> None:
    log = home / f"api-{name}"
    settings = _settings(conf)
    actor.Actor(home, name).take_the_stage()
    run_api(_listeners[port].dup(), lambda: wiring.make_app(settings), ApiOptions(drain_seconds=1), log.touch)


def _told(line: str) -> Callable[[], None]:
    order = json.loads(line)
    home, name, conf = Path(order["home"]), str(order["name"]), Path(order["conf"])

    def child() -> None:
        os.dup2(os.open(home / "errors", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        logging.basicConfig(level=logging.INFO, format=f"{name} %(levelname)s %(name)s: %(message)s", force=True)
        if order["port"] is None:
            _worker(home, name, conf)
        else:
            _api(home, name, conf, order["port"])

    if order["port"] is not None and order["port"] not in _listeners:
        _listeners[order["port"]] = listen(parse(f"127.0.0.1:{order['port']}"))
    return child


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody has to wait for the children
    for line in sys.stdin:
        print(fork("test", _told(line)), flush=True)  # noqa: T201 - what it is for


if __name__ == "__main__":
    main()
