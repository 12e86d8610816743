"""The catalogue of metadata definitions: its nouns, what they may hold, and what it says about an image's properties.

Source: Images API v2, "Metadata definitions". Pure: nothing here reads a database or a file.
"""
