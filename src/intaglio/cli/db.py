"""`intaglio db`: the database's schema."""

import json
import sys

from cyclopts import App

from intaglio.cli.options import FormatOption
from intaglio.cli.sources import ConfigOptions

app = App(name="db", help="Check and upgrade the database.")
_NOWHERE = ConfigOptions()


@app.command
def upgrade(*, options: ConfigOptions = _NOWHERE) -> None:
    """Bring the database to the schema of this release; what is there already stays. `serve` does it at each start.

    For example:

        intaglio db upgrade --config-file /etc/glance/glance-api.conf
    """
    from intaglio.bootstrap.home import prepare
    from intaglio.bootstrap.load import load
    from intaglio.db import upgrade as schema

    settings = load(options.sources())
    prepare(settings.serve.data_dir, settings.stores, settings.staging)
    schema.upgrade(settings.database)
    sys.stdout.write("The database has the schema of this release.\n")


@app.command
def check(*, options: ConfigOptions = _NOWHERE, format: FormatOption = "table") -> None:  # noqa: A002 - the option's name
    """Say whether the database has the schema of this release; exit code 0 when it has, 1 when not.

    For example:

        intaglio db check --config-file /etc/glance/glance-api.conf --format json
    """
    from intaglio.base.errors import IntaglioError
    from intaglio.bootstrap.load import load
    from intaglio.db import upgrade as schema

    problem: IntaglioError | None = None
    settings = load(options.sources())
    try:
        schema.check(settings.database)
    except IntaglioError as error:
        if format != "json":
            raise
        problem = error
    if format == "json":
        answer = {
            "ready": problem is None,
            "code": problem.code if problem else None,
            "reason": problem and str(problem),
        }
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.exit(1 if problem else 0)
    sys.stdout.write("The database has the schema of this release.\n")
