"""Where builds come from: fetching files, and reading the sums that upstreams publish beside them."""
