"""The steps of imports, a file each. A step bears being begun again, and leaves nothing behind when it fails."""
