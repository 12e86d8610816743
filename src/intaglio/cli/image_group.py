"""The group `intaglio image` with all its commands."""

from intaglio.cli import image_import, image_stuck
from intaglio.cli.image import app

image_import.register(app)
image_stuck.register(app)
