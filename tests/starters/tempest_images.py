"""The disk images that Tempest's tests of formats upload, and the list that tells it what each is."""

import json
import shutil
from pathlib import Path

from tests.starters.images import image

# our name for it, its disk format, whether a service should take it, whether it would do harm
IMAGES = (
    ("raw", "raw", True, False),
    ("text", "raw", True, False),
    ("qcow2", "qcow2", True, False),
    ("qcow2-compressed", "qcow2", True, False),
    ("qcow2-v2", "qcow2", True, False),
    ("qcow2-backing-file", "qcow2", False, True),
    ("qcow2-data-file", "qcow2", False, True),
    ("qcow2-unknown-feature", "qcow2", False, True),
    ("vmdk-sparse", "vmdk", True, False),
    ("vmdk-stream", "vmdk", True, False),
    ("vmdk-with-footer", "vmdk", True, False),
    ("vmdk-foreign-extent", "vmdk", False, True),
    ("vmdk-flat", "vmdk", False, False),
    ("vhd-dynamic", "vhd", True, False),
    ("vhdx", "vhdx", True, False),
    ("vdi", "vdi", True, False),
    ("gpt", "gpt", True, False),
    ("iso-plain", "iso", True, False),
    ("iso-hybrid", "iso", True, False),
    ("iso-with-qcow2", "iso", False, True),
    ("qed", "qed", False, False),
)


def manifest(directory: Path) -> Path:
    """Put the images into `directory`; the file that lists them, in the form that Tempest reads. Raises `Missing`."""
    directory.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, disk_format, usable, insecure in IMAGES:
        file = f"{name}.{disk_format}"
        shutil.copyfile(image(name), directory / file)
        facts = {"name": name, "format": disk_format, "filename": file, "generated_by": []}
        rows.append(facts | {"usable": usable, "insecure": insecure})
    path = directory / "manifest.yaml"
    path.write_text(json.dumps({"images": rows}, indent=1))  # JSON is YAML
    return path
