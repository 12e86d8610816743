"""simplestreams, the form in which MAAS, Incus, LXD and Ubuntu's own tools publish and find images."""
