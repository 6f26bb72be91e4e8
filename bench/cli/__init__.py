"""The command line: parses, calls ``bench.api`` and prints.

What a command needs is imported inside it, so that ``bench --help`` answers at once. Nothing is
imported here: signals are handled before the first library is loaded.
"""
