"""One module a resource of the Images API v2: each handler reads a request, calls one use case, writes the answer."""
