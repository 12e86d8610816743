"""What every room may use: errors, ids, the clock. Knows nothing of images, HTTP or SQL."""
