"""The client that drops what it receives still moves every byte."""

import socket
import threading
from pathlib import Path

import pytest
from bench.client import Ran
from bench.lean import get, main, put
from bench.transfers import elapsed, uploading
from tests.starters.base import Missing
from tests.starters.nginx import nginx

URL = "http://127.0.0.1:1/file"


@pytest.mark.real
def test_it_receives_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "file").write_bytes(bytes(5_000_000))
    try:
        with nginx(tmp_path / "served", tmp_path / "work") as server:
            assert get(f"{server.url}/file") == (200, 0, 5_000_000)
            assert main(["get", f"{server.url}/absent"]) == 22
    except Missing as missing:
        pytest.skip(f"real part missing: {missing}")
    words = capsys.readouterr().out.split()
    assert words[0] == "404"
    assert float(words[4]) <= float(words[5])


def test_it_sends_everything(tmp_path: Path) -> None:
    content = bytes(range(256)) * 4000
    (tmp_path / "file").write_bytes(content)
    received = bytearray()

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            while not received.endswith(content):
                received.extend(connection.recv(2**16))
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v2/images/x/file"
        assert put(url, tmp_path / "file") == (204, len(content), 0)
        thread.join(10)
    head, _, body = bytes(received).partition(b"\r\n\r\n")
    assert head.startswith(b"PUT /v2/images/x/file HTTP/1.1\r\n")
    assert f"Content-Length: {len(content)}".encode() in head
    assert body == content


def test_a_server_that_closes_early_is_an_error() -> None:
    def close(listener: socket.socket) -> None:
        listener.accept()[0].close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=close, args=(listener,), daemon=True)
        thread.start()
        with pytest.raises(ConnectionError):
            get(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        thread.join(10)


def test_time_is_taken_from_the_first_begin_to_the_last_end() -> None:
    ran = Ran(9.0, 0.0, [])
    assert elapsed([["200", "1.5", "0", "7"]], ran) == 1.5
    assert elapsed([["200", "1.5", "0", "7"], ["200", "1.6", "0", "7"]], ran) == 9
    lean = [["200", "1", "0", "7", "10.0", "11.0"], ["200", "2", "0", "7", "10.5", "12.5"]]
    assert elapsed(lean, ran) == 2.5


def test_both_clients_are_told_the_same() -> None:
    for command in (uploading("curl", URL, Path("/the/file")), uploading("lean", URL, Path("/the/file"))):
        assert {URL, "/the/file"} <= set(command)
