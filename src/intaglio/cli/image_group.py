"""The group `intaglio image` with all its commands."""

from intaglio.cli import image_import
from intaglio.cli.image import app

image_import.register(app)
