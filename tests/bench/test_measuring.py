"""Each kind of measurement works on a real server: the whole plan, tiny, with a second Glance in Intaglio's place."""

from pathlib import Path

import pytest
from bench.options import Options
from bench.plan import run_all
from bench.results import Results
from tests.starters.base import Missing, debian

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def programs() -> None:
    for program in ("wrk", "curl", "openssl"):
        debian([program], "the benchmark", provides=[program])


@pytest.mark.usefixtures("programs")
def test_a_tiny_run(tmp_path: Path) -> None:
    store, memory = tmp_path / "disk", tmp_path / "memory"
    memory.mkdir()
    options = Options(
        store,
        memory,
        ours="stand-in",
        size=2**21,
        repeats=1,
        seconds=1,
        catalogues=(50,),
        only=("upload-1@memory", "download-1@memory", "ranges@memory", "list@"),
    )
    results = Results()
    try:
        run_all(options, results, lambda _: None)
    except Missing as missing:
        pytest.skip(f"real part missing: {missing}")
    assert results.failures == []
    assert {case: sorted(servers) for case, servers in results.runs.items()} == {
        "upload-1@memory": ["cp", "glance", "stand-in"],
        "download-1@memory": ["cp", "glance", "nginx", "stand-in"],
        "ranges@memory": ["glance", "nginx", "stand-in"],
        "list@50": ["glance", "stand-in"],
    }
    for servers in results.runs.values():
        for metrics in servers.values():
            assert all(value >= 0 for values in metrics.values() for value in values)
            assert metrics.get("rate", [1.0])[0] > 0
    assert list(store.iterdir()) == []
    assert list(memory.iterdir()) == []
