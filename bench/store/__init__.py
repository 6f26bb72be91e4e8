"""The store: what was coded and measured, kept by what produced it."""
