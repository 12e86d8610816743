"""What every request passes on its way in and out, as pure ASGI: nothing here touches a body."""
