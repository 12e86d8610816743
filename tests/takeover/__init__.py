"""A Glance's database and stores, opened in place by Intaglio, and given back."""
