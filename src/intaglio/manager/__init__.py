"""The image manager: a catalogue of operating system images, and what makes a cloud agree with it.

It speaks the public Image API through openstacksdk, so that it serves Intaglio and any Glance alike, and imports
nothing of the service itself. `run` is the way in: read, resolve, look, plan, apply.
"""
