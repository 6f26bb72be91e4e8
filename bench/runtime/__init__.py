"""The machine beneath: programs, files, cache, settings; nothing here knows of codecs."""
