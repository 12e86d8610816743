"""Who is asking: one interface, one module for each way of finding out."""
