"""Durable work: flows whose finished steps are journalled and not done again, on DBOS. Knows nothing of images."""
