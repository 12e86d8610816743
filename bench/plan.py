"""The order of a run: which servers are up together, and the interleaving of their measurements.

Repeats go round all servers before they start again, so that what else the machine does touches all alike.
"""

import contextlib
import dataclasses
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import httpx

from bench import images, machine, memory, transfers
from bench.client import Failed
from bench.load import Load, ask
from bench.options import Options
from bench.results import Results
from bench.seed import empty_database, fill, image_id
from bench.servers import STARTERS, Place, Server, nginx_server
from bench.source import Source, make_source

Measure = Callable[[], Mapping[str, float]]
Say = Callable[[str], None]

RANGE = 2**20
ATTEMPTS = 3


@dataclasses.dataclass
class Run:
    """One run: its options, what it found so far, its two scratch directories, and the file that is sent."""

    options: Options
    results: Results
    say: Say
    disk: Path
    memory: Path
    source: Source
    empty: Path

    def measure(self, case: str, server: str, measure: Measure) -> None:
        """Do one run of a case for one server; what fails is noted, tried again, then left."""
        if not self.options.wants(case):
            return
        for attempt in range(ATTEMPTS):
            try:
                values = measure()
            except (Failed, httpx.HTTPError) as error:
                self.results.failures.append(f"{case}, {server}, attempt {attempt + 1}: {error}")
                self.say(f"{case:24} {server:10} failed: {error}")
            else:
                self.results.add(case, server, values)
                found = "  ".join(f"{key} {value:.2f}" for key, value in values.items())
                self.say(f"{case:24} {server:10} {found}")
                return

    def repeat(self, work: Sequence[tuple[str, str, Measure]]) -> None:
        for _ in range(self.options.repeats):
            for case, server, measure in work:
                self.measure(case, server, measure)

    @contextlib.contextmanager
    def servers(self, label: str, store: Path, database: Path) -> Iterator[list[Server]]:
        """Ours and Glance, each with its copy of the database; what they kept is removed at the end."""
        with contextlib.ExitStack() as stack:
            started = []
            for name in (self.options.ours, "glance"):
                place = Place(self.disk / label / name, store / label / name, database)
                stack.callback(shutil.rmtree, place.work, ignore_errors=True)
                stack.callback(shutil.rmtree, place.store, ignore_errors=True)
                try:
                    started.append(stack.enter_context(STARTERS[name](place)))
                except (Failed, OSError) as error:
                    self.results.failures.append(f"{label}, {name} did not start: {error}")
                    self.say(f"{label}: {name} did not start: {error}")
            yield started


def limits(run: Run) -> None:
    """What the machine alone can do."""
    run.repeat([("limit", "openssl", machine.hash_rates)])
    run.measure("limit", "disk", lambda: {"rate": machine.disk_rate(run.disk, run.source.size)})


def moving(run: Run, where: str, store: Path) -> None:
    """Whole images up and down, and ranges."""
    cases = [f"{name}@{where}" for name in ("upload-1", "upload-4", "download-1", "download-8", "ranges")]
    if not any(run.options.wants(case) for case in cases):
        return
    label = f"moving-{where}"
    with contextlib.ExitStack() as stack:
        servers = stack.enter_context(run.servers(label, store, run.empty))
        plain = store / label / "plain"
        plain.mkdir(parents=True, exist_ok=True)
        stack.callback(shutil.rmtree, plain, ignore_errors=True)
        shutil.copyfile(run.source.path, plain / "file")
        limit = stack.enter_context(nginx_server(plain, run.disk / label / "nginx"))
        run.repeat(
            [
                (f"upload-{streams}@{where}", server.name, _upload(server, run.source, streams))
                for streams in (1, 4)
                for server in servers
            ]
        )
        files = {limit.name: (limit, "/file")}
        for server in servers:
            image = stack.enter_context(transfers.stored(server, run.source))[0]
            files[server.name] = (server, f"/v2/images/{image}/file")
        run.repeat(_downloads(run, where, files))


def _upload(server: Server, source: Source, streams: int) -> Measure:
    return lambda: transfers.upload(server, source, streams)


def _downloads(run: Run, where: str, files: Mapping[str, tuple[Server, str]]) -> list[tuple[str, str, Measure]]:
    work: list[tuple[str, str, Measure]] = []
    size = run.source.size
    for streams in (1, 8):
        for name, (server, path) in files.items():
            work.append((f"download-{streams}@{where}", name, _download(server, server.url + path, size, streams)))
    for name, (server, path) in files.items():
        listed = run.disk / f"paths-{name}"
        listed.write_text(path + "\n")
        load = Load("paths.lua", (str(listed), "1", str(size), str(RANGE)))
        work.append((f"ranges@{where}", name, _ask(server, load, run.options.seconds)))
    return work


def _download(server: Server, url: str, size: int, streams: int) -> Measure:
    return lambda: transfers.download(server, url, size, streams)


def _ask(server: Server, load: Load, seconds: float) -> Measure:
    return lambda: ask(server, load, seconds)


LIST = "limit=25"
FILTER = "limit=25&bench_rare=yes"


def asking(run: Run, catalogue: int) -> None:
    """Requests a second in a catalogue of so many images."""
    names = ["list", "filter", *(["show", "create-delete"] if catalogue == 10_000 else [])]  # noqa: PLR2004
    if not any(run.options.wants(f"{name}@{catalogue}") for name in names):
        return
    run.say(f"filling a database with {catalogue} images")
    database = run.disk / f"catalogue-{catalogue}.sqlite"
    shutil.copyfile(run.empty, database)
    fill(database, catalogue)
    loads = _loads(run.disk, catalogue)
    with run.servers(f"asking-{catalogue}", run.disk / "stores", database) as servers:
        _same_answers(run, servers)
        for server in servers:  # unrecorded: connections, caches, compiled statements
            for name in names:
                with contextlib.suppress(Failed):
                    ask(server, loads[name], min(1.0, run.options.seconds))
        run.repeat(
            [
                (f"{name}@{catalogue}", server.name, _ask(server, loads[name], run.options.seconds))
                for name in names
                for server in servers
            ]
        )
    database.unlink()


def _loads(directory: Path, catalogue: int) -> dict[str, Load]:
    texts = {
        "list": f"/v2/images?{LIST}\n",
        "filter": f"/v2/images?{FILTER}\n",
        "show": "".join(f"/v2/images/{image_id(number)}\n" for number in range(catalogue)),
    }
    loads = {"create-delete": Load("create_delete.lua", connections=4)}
    for name, text in texts.items():
        path = directory / f"paths-{name}-{catalogue}"
        path.write_text(text)
        loads[name] = Load("paths.lua", (str(path), "1"))
    return loads


def _same_answers(run: Run, servers: Sequence[Server]) -> None:
    """Speed is only compared between servers that say the same."""
    for query in (LIST, FILTER):
        pages = {server.name: images.page(server, query) for server in servers}
        if len({tuple(page) for page in pages.values()}) > 1:
            run.results.failures.append(f"the servers list different images for {query}")
            run.say(f"the servers list different images for {query}: {pages}")


def generator(run: Run) -> None:
    """What the load generator reaches when the server has next to nothing to do."""
    plain = run.disk / "generator"
    plain.mkdir()
    (plain / "small").write_bytes(b"x" * 1000)
    paths = run.disk / "paths-generator"
    paths.write_text("/small\n")
    with nginx_server(plain, run.disk / "generator-nginx") as server:
        load = Load("paths.lua", (str(paths), "1"))
        run.measure("limit", "wrk", lambda: ask(server, load, run.options.seconds))


def remembering(run: Run) -> None:
    """Resident memory, idle and under many transfers. Ours moves whole images; Glance smaller ones, to bound the time."""
    if not run.options.wants("memory"):
        return
    sizes = {run.options.ours: run.options.memory_size, "glance": run.options.memory_size // 8}
    for name, size in sizes.items():
        source = make_source(run.memory / "memory-source", size)
        place = Place(run.disk / "memory" / name, run.disk / "memory-store" / name, run.empty)
        try:
            with STARTERS[name](place) as server:
                run.measure("memory", name, _remember(server, source, run.options.memory_streams))
        except (Failed, OSError) as error:
            run.results.failures.append(f"memory, {name} did not start: {error}")
        for directory in (place.work, place.store):
            shutil.rmtree(directory, ignore_errors=True)
        source.path.unlink()


def _remember(server: Server, source: Source, streams: int) -> Measure:
    return lambda: memory.under_load(server, source, streams)


def starting(run: Run) -> None:
    """Start to first answer, with the database already there."""
    if not run.options.wants("start"):
        return
    for _ in range(max(run.options.repeats, 2)):
        for name in (run.options.ours, "glance"):
            run.measure("start", name, _start(run, name))
    for metrics in run.results.runs.get("start", {}).values():
        del metrics["start"][0]  # the first start also made what later ones find


def _start(run: Run, name: str) -> Measure:
    def measure() -> dict[str, float]:
        place = Place(run.disk / "start" / name, run.disk / "start-store" / name, run.empty)
        with STARTERS[name](place) as server:
            return {"start": server.start}

    return measure


def run_all(options: Options, results: Results, say: Say) -> None:
    """Measure everything that `options` want, into `results`. All it made is removed, also when it fails."""
    options.store_dir.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=options.store_dir) as disk,
        tempfile.TemporaryDirectory(prefix="bench-", dir=options.memory_dir) as in_memory,
    ):
        run = Run(
            options,
            results,
            say,
            Path(disk),
            Path(in_memory),
            make_source(Path(in_memory) / "source", options.size),
            empty_database(Path(disk) / "empty"),
        )
        if options.wants("limit"):
            limits(run)
            generator(run)
        moving(run, "memory", run.memory)
        moving(run, "disk", run.disk)
        run.source.path.unlink()
        for catalogue in options.catalogues:
            asking(run, catalogue)
        remembering(run)
        starting(run)
