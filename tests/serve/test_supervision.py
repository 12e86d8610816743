"""Processes that die are replaced, visibly; when the supervisor dies nothing is left behind."""

import contextlib
import os
import signal
from pathlib import Path

from tests.serve.service import exists, service
from tests.starters.base import wait_until


def test_killed_api_process_is_replaced(tmp_path: Path) -> None:
    with service(tmp_path, "--workers", "1") as running:
        first = running.wait_ready().pid()
        os.kill(first, signal.SIGKILL)
        # The listening socket lives on in the supervisor: this request waits for the successor, it is not refused.
        second = running.pid()
        assert second != first
        running.wait_for(rf"api 1 \(pid {first}\) died after .*killed by signal 9 \(SIGKILL\); starting it again now")
        running.wait_for(rf"api 1 restarted as pid {second}")


def test_killed_worker_is_replaced(tmp_path: Path) -> None:
    with service(tmp_path) as running:
        running.wait_ready()
        beat = running.data_dir / "worker-pid"
        wait_until(lambda: beat.exists() and beat.read_text() != "", "the worker's first job")
        first = int(beat.read_text())
        assert running.children()[first] == "intaglio worker"
        os.kill(first, signal.SIGKILL)
        second = int(running.wait_for(r"worker restarted as pid (\d+)").group(1))
        assert f"worker (pid {first}) died" in running.output
        wait_until(lambda: beat.read_text() == str(second), "the successor's first job")


def test_killed_supervisor_takes_all_with_it_and_frees_the_port(tmp_path: Path) -> None:
    with service(tmp_path, "--workers", "2") as running:
        children = running.wait_ready().children()
        assert sorted(children.values()) == ["intaglio api 1", "intaglio api 2", "intaglio worker"]
        os.kill(running.process.pid, signal.SIGKILL)
        running.stopped()
        wait_until(lambda: not any(exists(pid) for pid in children), "the children's end", 10)
        with service(tmp_path, port=running.port) as again:
            again.wait_ready()
            assert again.get("/pid")[0] == 200


def test_what_keeps_dying_is_started_ever_more_slowly_until_it_lives(tmp_path: Path) -> None:
    with service(tmp_path, "--workers", "1", STUB_FAILS="crash") as running:
        running.wait_for(r"the stub has a defect")
        running.wait_for(r"exit code 70; starting it again now")
        running.wait_for(r"exit code 70; starting it again in 0\.5 s")
        running.wait_for(r"exit code 70; starting it again in 1 s")
        (running.data_dir / "healed").touch()
        running.wait_ready()
        assert running.get("/pid")[0] == 200


def test_api_alone_and_worker_alone(tmp_path: Path) -> None:
    with service(tmp_path) as first:
        first.wait_ready()
    with service(tmp_path, "--workers", "2", command="api") as running:
        assert sorted(running.wait_ready().children().values()) == ["intaglio api 1", "intaglio api 2"]
        running.process.send_signal(signal.SIGTERM)
        assert running.stopped() == 0
    with contextlib.suppress(FileNotFoundError):
        (tmp_path / "data" / "worker-pid").unlink()
    with service(tmp_path, command="worker") as running:
        wait_until((tmp_path / "data" / "worker-pid").exists, "the worker's first job")
        running.process.send_signal(signal.SIGTERM)
        assert running.stopped() == 0
        assert "worker stopped" in running.output
