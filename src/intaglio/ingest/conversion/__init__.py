"""Disk images turned into another format while they are imported: by qemu-img in a sandbox, or read here."""
