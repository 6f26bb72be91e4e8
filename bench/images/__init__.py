"""Pictures: pixels, colour conversion, and files of pictures."""
