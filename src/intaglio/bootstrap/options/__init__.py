"""Every configuration option this service knows, as data: Glance's, the shared libraries', and its own."""
