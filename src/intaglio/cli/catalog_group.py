"""The group `intaglio catalog` with all its commands."""

from intaglio.cli.catalog import app
from intaglio.cli.catalog_check import check
from intaglio.cli.catalog_lock import lock
from intaglio.cli.catalog_retire import retire
from intaglio.cli.catalog_shipped import shipped

app.command(check)
app.command(lock)
app.command(retire)
app.command(shipped)
