"""One module for each command, as the Python API offers it."""
