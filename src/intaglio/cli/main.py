"""The `intaglio` command: its groups, and how errors leave it: as one line on stderr and an exit code."""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from cyclopts import App, CycloptsError
from rich.console import Console

from intaglio.base.errors import IntaglioError
from intaglio.cli import completion, serve

FAILED, USAGE, INTERRUPTED = 1, 2, 130


def build() -> App:
    """The whole command line. Groups are imported when they are used, so that each start pays for one."""
    app = App(
        name="intaglio",
        help="The image service a cloud boots from. `intaglio serve` runs all of it; COMMAND --help tells more.",
        version=lambda: version("intaglio"),
        help_format="markdown",
    )
    serve.register(app)
    app.command("intaglio.cli.db:app", name="db", help="Check and upgrade the database.")
    app.command("intaglio.cli.users:app", name="user", help="Manage the local users.")
    app.command("intaglio.cli.config:app", name="config", help="Show and check the configuration.")
    app.command("intaglio.cli.quotas:app", name="quota", help="Show and prove what projects use.")
    app.command("intaglio.cli.store:app", name="store", help="Check the stores, and compare them with the database.")
    app.command("intaglio.cli.policy:app", name="policy", help="Show and check the policy, and explain refusals.")
    app.command(
        "intaglio.cli.metadef:app",
        name="metadef",
        help="Load, compare and export the catalogue of metadata definitions.",
    )
    app.command(
        "intaglio.cli.catalog_group:app", name="catalog", help="Keep a cloud in agreement with a catalogue of images."
    )
    app.command(
        "intaglio.cli.image_group:app",
        name="image",
        help="Import and check images, see what suits them, restore deleted ones.",
    )
    app.command("intaglio.cli.cert:app", name="cert", help="Manage the certificates of those who sign images.")
    app.command("intaglio.cli.task:app", name="task", help="Show what imports are doing, and call one off.")
    completion.register(app)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and end the process."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    try:
        build()(
            list(arguments) if arguments is not None else None,
            exit_on_error=False,
            print_error=False,
            error_console=Console(stderr=True),
        )
    except CycloptsError as error:
        return _say(f"{_text(error)} See `intaglio --help`.", USAGE)
    except IntaglioError as error:
        return _say(str(error), FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # a reader like head(1) has seen enough
        return FAILED
    except Exception as error:
        if os.environ.get("INTAGLIO_DEBUG"):
            raise
        kind = type(error).__name__
        return _say(f"A defect in Intaglio: {kind}: {error}. INTAGLIO_DEBUG=1 shows where; please report it.", FAILED)
    return 0


def _text(error: CycloptsError) -> str:
    return " ".join(str(error).split())


def _say(text: str, code: int) -> int:
    sys.stderr.write("".join(f"intaglio: {line}\n" for line in text.splitlines()))
    return code
