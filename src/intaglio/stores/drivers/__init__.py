"""One module a kind of store. Import none of them directly: `intaglio.stores.registry` does."""
