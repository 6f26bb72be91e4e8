"""The task networks: what looks at decoded images, and what it takes them to be."""
