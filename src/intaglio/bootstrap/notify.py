"""Tells systemd how the service is doing (sd_notify(3)), when it was started by systemd."""

import os
import socket


def notify(state: str) -> None:
    """Send `state`, like `READY=1`, to the service manager; when none listens, nothing happens."""
    place = os.environ.get("NOTIFY_SOCKET", "")
    if not place.startswith(("/", "@")):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        try:
            sender.sendto(state.encode(), "\0" + place[1:] if place.startswith("@") else place)
        except OSError:
            return
