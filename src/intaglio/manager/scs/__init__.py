"""The Sovereign Cloud Stack's standards about images, checked of files and of clouds: SCS-0102 and SCS-0104."""
