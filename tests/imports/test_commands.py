"""`intaglio image import`, `create` and `task cancel` against a real service, which is killed while they wait."""

import json
import os
import pty
import subprocess
from collections.abc import Iterator

import httpx
import pytest

from tests.imports.source import HERE, Source, serving
from tests.starters.base import wait_until
from tests.starters.intaglio import COMMAND, Intaglio, intaglio

CONF = f"[intaglio]\nfetch_networks = {HERE}\n[import_filtering_opts]\nallowed_ports =\n"
SIZE = 3_000_000


@pytest.fixture
def source() -> Iterator[Source]:
    with serving() as found:
        found.data = bytes(SIZE)
        yield found


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Intaglio]:
    with intaglio(tmp_path_factory.mktemp("commands"), auth="none", workers=1, conf=CONF) as running:
        yield running


def environment(service: Intaglio) -> dict[str, str]:
    return {**service.environment, "OS_CLIENT_CONFIG_FILE": str(service.clouds), "COLUMNS": "150"}


def begin(service: Intaglio, *words: str) -> subprocess.Popen[str]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([COMMAND, *words], env=environment(service), text=True, **pipes)  # type: ignore[call-overload, no-any-return]


def run(service: Intaglio, *words: str) -> tuple[int, str, str]:
    with begin(service, *words) as running:
        out, error = running.communicate(timeout=120)
    return running.returncode, out, error


def test_made_of_a_url_although_the_service_is_killed_half_way(service: Intaglio, source: Source) -> None:
    source.hold.clear()
    words = (
        "--uri",
        source.url,
        "--disk-format",
        "raw",
        "--property",
        "os_distro=debian",
        "--wait",
        "--format",
        "json",
    )
    with begin(service, "image", "create", "debian", *words) as running:
        wait_until(lambda: source.asked != [], "the download")
        wait_until(lambda: _progress(service) > 0, "its first half")
        service.kill()
        source.hold.set()
        service.start()
        out, error = running.communicate(timeout=120)
    assert running.returncode == 0, error
    said = json.loads(out)
    assert (said["status"], said["image_status"], said["message"]) == ("success", "active", "")
    assert f"debian: fetching, {SIZE // 2} of {SIZE} bytes" in error
    (image,) = httpx.get(f"{service.url}/v2/images").json()["images"]
    facts = {"id": said["image_id"], "name": "debian", "os_distro": "debian", "size": SIZE}
    assert {name: image[name] for name in facts} == facts


def _progress(service: Intaglio) -> int:
    image_id = httpx.get(f"{service.url}/v2/images").json()["images"][0]["id"]
    (task,) = httpx.get(f"{service.url}/v2/images/{image_id}/tasks").json()["tasks"]
    return int(task.get("progress", {}).get("bytes", 0))


def test_a_bar_on_a_terminal(service: Intaglio, source: Source) -> None:
    main, side = pty.openpty()
    words = ("image", "create", "bar", "--uri", source.url, "--disk-format", "raw", "--wait")
    with subprocess.Popen(
        [COMMAND, *words], env=environment(service), stderr=side, stdout=subprocess.DEVNULL
    ) as running:
        os.close(side)
        shown = b""
        while piece := _read(main):
            shown += piece
    os.close(main)
    assert running.returncode == 0
    assert "bar: waiting for a worker" in shown.decode()
    assert "━" in shown.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # the other end is closed
        return b""


def test_a_failure(service: Intaglio, source: Source) -> None:
    digest = "sha256:" + "0" * 64
    words = ("--uri", source.url, "--disk-format", "raw", "--checksum", digest)
    code, out, error = run(service, "image", "create", "wrong", *words, "--wait")
    assert (code, out) == (1, "")
    assert "intaglio: Step 'fetch' failed: The sha256 of what came is" in error
    assert "import again" in error
    code, out, error = run(service, "image", "import", "wrong", "--uri", source.url, "--wait")
    assert (code, "is active" in out) == (0, True), error


def test_what_is_refused_leaves_no_image(service: Intaglio) -> None:
    words = ("--uri", "http://10.0.0.1/disk.img", "--disk-format", "raw", "--wait")
    code, out, error = run(service, "image", "create", "refused", *words)
    assert (code, out) == (1, "")
    assert "The URL is not fetched" in error
    assert httpx.get(f"{service.url}/v2/images", params={"name": "refused"}).json()["images"] == []
    assert run(service, "image", "import", "nothing", "--uri", "http://10.0.0.1/")[0] == 1
    assert run(service, "image", "create", "odd", *words, "--property", "colour")[0] == 1


def test_called_off_while_somebody_waits(service: Intaglio, source: Source) -> None:
    source.hold.clear()
    words = ("image", "create", "cancelled", "--uri", source.url, "--disk-format", "raw", "--wait")
    with begin(service, *words) as running:
        wait_until(lambda: source.asked != [], "the download")
        code, out, error = run(service, "task", "cancel", "cancelled")
        assert (code, "is being called off" in out) == (0, True), error
        _, error = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "It was cancelled." in error


def test_without_waiting(service: Intaglio, source: Source) -> None:
    made = run(service, "image", "create", "later", "--uri", source.url, "--disk-format", "raw", "--format", "json")
    said = json.loads(made[1])
    path = f"{service.url}/v2/images/{said['image_id']}/tasks"
    assert httpx.get(path).json()["tasks"][0]["id"] == said["task_id"]
