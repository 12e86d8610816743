"""What a tool can do that opens users' data: as little as this machine allows, within its limits always."""

import asyncio
import socket
import subprocess
from pathlib import Path

import pytest

from intaglio.base.errors import IntaglioError
from intaglio.ingest.conversion import sandbox
from intaglio.ingest.conversion.base import CannotConvert, ConversionFailed, ConversionSettings
from intaglio.ingest.conversion.nbd import serve
from intaglio.ingest.conversion.pipe import Pipe
from intaglio.ingest.conversion.qemu import QemuImg
from intaglio.ingest.conversion.sandbox import Limits, Walls, command, walls
from tests.starters.base import debian
from tests.starters.images import image as real_image

pytestmark = pytest.mark.real
MIB = 1 << 20
LIMITS = Limits(memory=512 * MIB, seconds=5)


def inside(kind: Walls, script: str, limits: Limits = LIMITS) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command(kind, limits, ["sh", "-c", script]),
        env=sandbox.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture(scope="module")
def bubblewrap() -> Walls:
    debian(["bubblewrap"], "the sandbox of the tool that converts", provides=["bwrap"])
    walls.cache_clear()
    if walls() is not Walls.BUBBLEWRAP:
        pytest.skip("bubblewrap does not work on this machine, such as in a container without user namespaces")
    return Walls.BUBBLEWRAP


def test_bubblewrap(bubblewrap: Walls) -> None:
    """No network but a loopback that is down, no files but programs, no other processes, nobody's user, no powers."""
    assert inside(bubblewrap, "id -u").stdout == "65534\n"
    assert inside(bubblewrap, "ls -d /etc/passwd /home /root /var /tmp").stdout == ""
    assert inside(bubblewrap, "tail -n +3 /proc/net/dev | wc -l").stdout.strip() == "1"
    assert inside(bubblewrap, "ls -d /proc/[0-9]* | wc -l").stdout.strip() <= "5"
    assert "CapEff:\t0000000000000000" in inside(bubblewrap, "cat /proc/self/status").stdout
    assert inside(bubblewrap, "touch /usr/x || touch /x || echo no").returncode in {0, 1}
    assert not Path("/usr/x").exists()
    assert "PATH" in inside(bubblewrap, "env").stdout
    assert "HOME=" not in inside(bubblewrap, "env").stdout


@pytest.mark.parametrize("kind", list(Walls))
def test_limits_hold_in_every_sandbox(kind: Walls, tmp_path: Path) -> None:
    if kind is not Walls.NONE and inside(kind, "true").returncode:
        pytest.skip(f"{kind} does not work on this machine")
    assert inside(kind, "ulimit -v").stdout.strip() == str(512 * 1024)
    assert inside(kind, "ulimit -t").stdout.strip() == "5"
    assert inside(kind, "ulimit -f").stdout.strip() == "0"
    assert inside(kind, "ulimit -c").stdout.strip() == "0"
    assert inside(kind, f"echo x > {tmp_path}/file").returncode != 0


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sandbox.missing("qemu-img") == []
    assert sandbox.missing("no-such-program") == ["no-such-program"]
    assert [bool(kind.said) for kind in Walls] == [False, True, True]
    monkeypatch.setattr(sandbox, "missing", lambda _: ["qemu-img"])
    with pytest.raises(ConversionFailed, match="has no qemu-img"):
        asyncio.run(QemuImg(ConversionSettings(work_dir=Path("/nowhere"))).facts(_Bytes(b"x" * 1024), "raw"))


class _Bytes:
    def __init__(self, data: bytes, fault: Exception | None = None) -> None:
        self.size = len(data)
        self.data = data
        self.fault = fault

    async def read(self, offset: int, length: int) -> bytes:
        if self.fault is not None and offset >= MIB // 2:
            raise self.fault
        return self.data[offset : offset + length]


async def _streamed(source: _Bytes, driver: str, size: int, **settings: int) -> int:
    tool = QemuImg(ConversionSettings(work_dir=Path("/nowhere"), **settings))  # type: ignore[arg-type]  # its numbers
    return sum([len(piece) async for piece in tool.stream(source, driver, size)])


def test_a_tool_that_takes_too_long_is_stopped() -> None:
    class Slow(_Bytes):
        async def read(self, offset: int, length: int) -> bytes:
            await asyncio.sleep(600)
            return await super().read(offset, length)

    with pytest.raises(CannotConvert, match="had taken 1 seconds"):
        asyncio.run(_streamed(Slow(real_image("vdi").read_bytes()), "vdi", 4 * MIB, seconds=1))


def test_a_tool_that_needs_too_much_memory_is_stopped() -> None:
    with pytest.raises(IntaglioError):
        asyncio.run(_streamed(_Bytes(real_image("vdi").read_bytes()), "vdi", 4 * MIB, memory=8 * MIB))


def test_what_keeps_the_source_from_being_read_is_the_reason() -> None:
    fault = ConversionFailed("The store has gone.")
    with pytest.raises(ConversionFailed, match="The store has gone"):
        asyncio.run(_streamed(_Bytes(real_image("vdi").read_bytes(), fault), "vdi", 4 * MIB))


@pytest.mark.parametrize(
    "said", [b"", b"\0\0\0\3", b"\0\0\0\3" + b"x" * 64, b"\0\0\0\3IHAVEOPT\0\0\0\1\0\0\0\0" + b"y" * 64]
)
def test_a_client_that_breaks_the_protocol_is_left(said: bytes) -> None:
    async def meet() -> bytes:
        ours, theirs = socket.socketpair()
        with theirs:
            theirs.setblocking(False)
            serving = asyncio.create_task(serve(ours, Pipe(MIB)))
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(theirs, said)
            theirs.shutdown(socket.SHUT_WR)
            await asyncio.wait_for(serving, 10)
            return await loop.sock_recv(theirs, 100)

    assert asyncio.run(meet()).startswith(b"NBDMAGIC")


def test_a_stream_is_not_written_backwards() -> None:
    async def work() -> None:
        pipe = Pipe(MIB)
        await pipe.write(4096, memoryview(b"x" * 4096))
        with pytest.raises(OSError, match="backwards"):
            await pipe.write(0, memoryview(b"y"))
        with pytest.raises(OSError, match="backwards"):
            await pipe.zero(0, 100)
        with pytest.raises(OSError, match="not read"):
            await pipe.read(0, 1)
        pipe.end()
        assert b"".join([piece async for piece in pipe.pieces()]) == bytes(4096) + b"x" * 4096

    asyncio.run(work())
