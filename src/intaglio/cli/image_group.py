"""The group `intaglio image` with all its commands."""

from intaglio.cli.image import app
from intaglio.cli.image_baseline import sign_all
from intaglio.cli.image_evidence import evidence
from intaglio.cli.image_import import create, import_image
from intaglio.cli.image_inspection import inspect
from intaglio.cli.image_receipts import receipts
from intaglio.cli.image_signing import sign
from intaglio.cli.image_stuck import stuck
from intaglio.cli.image_verification import verify

app.command(import_image, name="import")
app.command(create)
app.command(evidence)
app.command(inspect)
app.command(receipts)
app.command(sign)
app.command(sign_all, name="sign-all")
app.command(stuck)
app.command(verify)
