"""Disk formats: recognising them and judging their safety while bytes stream past. Knows nothing of images."""
