"""What other programs and the kernel print is read rightly."""

import pytest
from bench.client import Failed, run_together
from bench.load import parse_wrk
from bench.machine import facts, parse_speed
from bench.processes import PAGE, TICK, parse_stat
from tests.starters.base import ROOT


def test_a_process_with_an_odd_name() -> None:
    fields = ["0"] * 50
    fields[0] = "S"  # the third field of the line
    fields[4 - 3], fields[14 - 3], fields[15 - 3], fields[16 - 3], fields[17 - 3] = "7", "100", "50", "20", "30"
    fields[24 - 3] = "9"
    stat = parse_stat(f"42 (a (b) c) {' '.join(fields)}\n")
    assert (stat.pid, stat.name, stat.parent) == (42, "a (b) c", 7)
    assert stat.cpu == pytest.approx(150 / TICK)
    assert stat.children_cpu == pytest.approx(50 / TICK)
    assert stat.resident == 9 * PAGE


def test_wrk_tells_its_numbers_last() -> None:
    assert parse_wrk('Running 5s test\n  {odd}\n{"requests": 10, "p50": 0.5}\n') == {"requests": 10, "p50": 0.5}
    with pytest.raises(Failed, match="unable to connect"):
        parse_wrk("unable to connect to 127.0.0.1")


def test_openssl_speed() -> None:
    assert parse_speed("+H:1048576\n+F:25:md5:753068218.18\n") == pytest.approx(753.068, abs=0.001)
    with pytest.raises(Failed, match="no result"):
        parse_speed("unknown algorithm")


def test_the_machine_is_named() -> None:
    found = facts(ROOT)
    assert int(found["cores"]) >= 1
    assert found["memory"].endswith("GiB")
    assert " on " in found["disk"]


def test_programs_side_by_side() -> None:
    ran = run_together([["sh", "-c", "echo one"], ["sh", "-c", "echo two"]])
    assert ran.outputs == ["one\n", "two\n"]
    assert ran.failures == []


def test_a_failing_program_voids_the_measurement_unless_that_is_expected() -> None:
    commands = [["sh", "-c", "echo no luck; exit 3"], ["true"]]
    with pytest.raises(Failed, match="sh ended with 3: no luck"):
        run_together(commands)
    assert len(run_together(commands, tolerant=True).failures) == 1
