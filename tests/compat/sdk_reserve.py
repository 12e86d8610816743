"""Run by the clients' Python: make an image that waits for its data. Prints its id as JSON."""

import json
import sys

import openstack

image = openstack.connect(cloud="intaglio").image.create_image(
    "later", disk_format="iso", container_format="bare", allow_duplicates=True
)
json.dump(image.id, sys.stdout)
