"""Features of a region: first order, shape and texture."""
