"""The machine: programs, files, cache, settings; nothing here knows of codecs."""
