"""The metrics of overlap, one function each, and all pairs at once."""
