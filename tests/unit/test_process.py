"""A process is known to be dead when it is, and only then."""

import subprocess
import sys

from intaglio.base.process import is_dead, this_process


def test_the_living_and_the_dead() -> None:
    program = "import sys; from intaglio.base.process import this_process; print(this_process(), flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    name = child.stdout.readline().strip()
    assert not is_dead(name)
    assert not is_dead(this_process())
    child.kill()
    while not is_dead(name):  # a zombie until it is waited for, and dead all the same
        pass
    child.communicate()
    assert is_dead(name)


def test_a_reused_process_id_is_another_process() -> None:
    scope, _, start = this_process().rpartition(":")
    assert is_dead(f"{scope}:{int(start) - 1}")


def test_what_runs_elsewhere_is_not_judged() -> None:
    _, _, pid, start = this_process().split(":")
    assert not is_dead(f"00000000-0000-0000-0000-000000000000:1:{pid}:{start}")
    assert not is_dead("somebody")
    assert not is_dead("")
