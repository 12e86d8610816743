"""Intaglio: the image service a cloud boots from."""
