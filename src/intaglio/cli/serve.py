"""`intaglio serve`, `api` and `worker`: the processes."""

import logging
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number

from intaglio.cli.sources import ConfigOptions

if TYPE_CHECKING:
    from intaglio.bootstrap.serving import Parts
    from intaglio.bootstrap.settings import Settings


Bind = Annotated[str | None, Parameter(help="Address and port to listen on, HOST:PORT. [default: 127.0.0.1:9292]")]
Workers = Annotated[
    int | None, Parameter(help="Number of API processes. [default: 2]", validator=Number(gte=1, lte=1024))
]
AuthOption = Annotated[
    Literal["http_basic", "keystone", "trusted_proxy", "none"] | None,
    Parameter(
        help="Who is asking: http_basic (local users), keystone (tokens), trusted_proxy (headers that a proxy in front"
        " sets), or none (everyone is an admin). [default: http_basic]"
    ),
]
Force = Annotated[bool, Parameter(help="Allow --auth none on an address that other machines reach.", negative="")]
DrainSeconds = Annotated[
    float | None,
    Parameter(
        help="How long running transfers may finish after SIGTERM, in seconds. [default: 30]", validator=Number(gte=0)
    ),
]
AccessLog = Annotated[bool, Parameter(help="Log every request.", negative="")]
LogFormatOption = Annotated[Literal["text", "json"], Parameter(help="How log lines are written to stderr.")]
_NOWHERE = ConfigOptions()


def register(app: App) -> None:
    """Add the commands to `app`."""
    app.command(serve)
    app.command(api)
    app.command(worker)


def serve(
    *,
    bind: Bind = None,
    workers: Workers = None,
    auth: AuthOption = None,
    options: ConfigOptions = _NOWHERE,
    force: Force = False,
    drain_seconds: DrainSeconds = None,
    access_log: AccessLog = False,
    log_format: LogFormatOption = "text",
) -> None:
    """Run the whole image service on this machine: API, worker, database and store.

    Everything that is missing is made: the data directory, the database, and at the first start a user `admin` with a
    password that is printed. `clouds.yaml` in the data directory lets the OpenStack clients find the service. Processes
    that die are started again. SIGTERM or Ctrl-C lets running transfers finish; a second one stops at once.

    For example:

        intaglio serve

        intaglio serve --bind 0.0.0.0:9292 --data-dir /srv/intaglio --workers 4

        intaglio serve --config-file /etc/glance/glance-api.conf
    """
    from intaglio.bootstrap.serving import serve as run

    _log(log_format)
    settings = _settings(options, bind, workers, auth, drain_seconds, force=force)
    run(settings, _parts(), access_log=access_log)


def api(
    *,
    bind: Bind = None,
    workers: Workers = None,
    auth: AuthOption = None,
    options: ConfigOptions = _NOWHERE,
    force: Force = False,
    drain_seconds: DrainSeconds = None,
    access_log: AccessLog = False,
    log_format: LogFormatOption = "text",
) -> None:
    """Run API processes only, for a service on several machines. Database and users must be there already.

    For example:

        intaglio db upgrade --config-file /etc/glance/glance-api.conf

        intaglio api --config-file /etc/glance/glance-api.conf --bind 0.0.0.0:9292
    """
    from intaglio.bootstrap.serving import serve_api as run

    _log(log_format)
    settings = _settings(options, bind, workers, auth, drain_seconds, force=force)
    run(settings, _parts(), access_log=access_log)


def worker(
    *,
    options: ConfigOptions = _NOWHERE,
    drain_seconds: DrainSeconds = None,
    log_format: LogFormatOption = "text",
) -> None:
    """Run one worker only: the process that does what no request waits for.

    For example:

        intaglio worker --config-file /etc/glance/glance-api.conf
    """
    from intaglio.bootstrap.serving import serve_worker as run

    _log(log_format)
    run(_settings(options, drain_seconds=drain_seconds), _parts())


def _settings(
    options: ConfigOptions,
    bind: str | None = None,
    workers: int | None = None,
    auth: str | None = None,
    drain_seconds: float | None = None,
    *,
    force: bool = False,
) -> "Settings":
    from intaglio.bootstrap.load import load
    from intaglio.bootstrap.policy import rules_in_force

    settings = load(
        options.sources(
            bind=bind,
            workers=None if workers is None else str(workers),
            auth=auth,
            drain_seconds=None if drain_seconds is None else str(drain_seconds),
            auth_none_anywhere="true" if force else None,
        )
    )
    if settings.serve.debug:
        logging.getLogger("intaglio").setLevel(logging.DEBUG)
    rules_in_force(settings.policy)
    return settings


def _log(form: str) -> None:
    from intaglio.base.log import LogFormat, configure

    configure(LogFormat(form))
    logging.captureWarnings(capture=True)


def _parts() -> "Parts":
    from intaglio.bootstrap import jobs, wiring
    from intaglio.bootstrap.serving import Parts

    return Parts(make_app=wiring.make_app, make_jobs=jobs.make_jobs, upgrade=_upgrade)


def _upgrade(settings: "Settings") -> None:
    """Upgrade the database unless it fits already: the tool for it takes a tenth of a start to import.

    The embedded default gets the metadata definitions that come with the service when it is made.
    """
    import asyncio

    from intaglio.base.errors import IntaglioError
    from intaglio.db.engine import open_database

    async def check() -> None:
        database = open_database(settings.database)
        try:
            await database.check()
        finally:
            await database.close()

    try:
        asyncio.run(check())
    except IntaglioError:
        from intaglio.bootstrap import first_start
        from intaglio.db.upgrade import upgrade

        done = upgrade(settings.database)
        if done.created and first_start.is_embedded(settings):
            first_start.fill(settings)
