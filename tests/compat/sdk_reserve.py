"""Run by the clients' Python: make an image that waits for its data. Prints its id as JSON."""

import json
import sys

from tests.compat.sdk_recorded import images

disk_format = sys.argv[1] if sys.argv[1:] else "iso"
image = images().create_image("later", disk_format=disk_format, container_format="bare", allow_duplicates=True)
json.dump(image.id, sys.stdout)
