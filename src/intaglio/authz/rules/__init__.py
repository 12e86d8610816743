"""The rules' names and defaults, one file a resource, as data (oslo.policy's check language)."""
