"""The public API from outside: for commands that speak to a service over HTTP, this one or any that a cloud has."""
