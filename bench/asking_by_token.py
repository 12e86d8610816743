"""The small questions once more as a cloud asks them: by a token of a real Keystone, under the default policy."""

import functools
from pathlib import Path

from tests.starters.base import Missing
from tests.starters.keystone import keystone

from bench.asking import LIST, MIDDLE, filled, same_answers, warm
from bench.load import Load, ask
from bench.run import Run
from bench.seed import image_id, public
from bench.servers import Login

CASES = ("list-keystone", "show-keystone")


def asking_by_token(run: Run, catalogue: int = MIDDLE) -> None:
    """Requests a second of a member of a project, whose token each server soon knows."""
    names = [name for name in CASES if run.options.wants(f"{name}@{catalogue}")]
    if not names:
        return
    loads = _loads(run.disk, catalogue)
    database = filled(run, catalogue)
    try:
        with keystone(run.disk / "keystone") as identity:
            login = Login(identity.section(), identity.token("mia", project="alpha"))
            with run.servers("asking-by-token", run.disk / "stores", database, login) as servers:
                same_answers(run, servers, (LIST,))
                warm(servers, [loads[name] for name in names], min(1, run.options.seconds))
                run.repeat(
                    [
                        (
                            f"{name}@{catalogue}",
                            each.name,
                            functools.partial(ask, each, loads[name], run.options.seconds),
                        )
                        for name in names
                        for each in servers
                    ]
                )
    except Missing as missing:
        run.note(f"Keystone did not start: {missing}")
    finally:
        database.unlink()


def _loads(directory: Path, catalogue: int) -> dict[str, Load]:
    """What the caller may see of the catalogue is its public half."""
    texts = {
        "list-keystone": f"/v2/images?{LIST}\n",
        "show-keystone": "".join(f"/v2/images/{image_id(number)}\n" for number in range(catalogue) if public(number)),
    }
    loads = {}
    for name, text in texts.items():
        path = directory / f"paths-{name}"
        path.write_text(text)
        loads[name] = Load("paths.lua", (str(path), "1"))
    return loads
