"""Processor time and memory of a tree, of real processes."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.memory import MIB, growth
from bench.processes import PeakMemory, cpu_seconds, own_cpu_seconds, tree
from tests.starters.base import process, wait_until

# A parent whose child burns processor time and ends, and which then holds 64 MiB until its input ends.
PROGRAM = """
import subprocess, sys
subprocess.run([sys.executable, "-c", "import time\\nwhile time.process_time() < 0.3: pass"], check=True)
held = b"x" * (64 * 2**20)
grandchild = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
print("ready", flush=True)
grandchild.wait()
"""


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    log = tmp_path / "log"
    with process([sys.executable, "-c", PROGRAM], log=log) as running:
        wait_until(lambda: b"ready" in log.read_bytes(), "the program")
        yield running


def test_the_tree_counts_descendants_also_ended_ones(parent: subprocess.Popen[bytes]) -> None:
    assert len(tree(parent.pid)) == 2
    assert cpu_seconds(parent.pid) >= 0.3


def test_the_clock_of_a_process_agrees_with_its_own() -> None:
    (own,) = (stat for stat in tree(os.getpid()) if stat.pid == os.getpid())
    before = time.process_time()
    seen = own_cpu_seconds(own)
    assert before <= seen <= time.process_time()


def test_peak_memory_is_seen(parent: subprocess.Popen[bytes]) -> None:
    with PeakMemory(parent.pid) as watched:
        pass
    assert watched.peaks[parent.pid] > 64 * MIB


def test_a_tree_that_is_gone_is_empty(parent: subprocess.Popen[bytes]) -> None:
    assert tree(2**22 + 1) == []


def test_growth_is_that_of_one_process_and_new_ones_count_whole() -> None:
    found = growth({1: 100 * MIB, 2: 50 * MIB}, {1: 110 * MIB, 2: 90 * MIB, 3: 30 * MIB})
    assert found == {"idle": 150, "peak": 230, "growth": 40}
