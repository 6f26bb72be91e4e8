"""How many bits does one image codec save over another, at equal quality?

``bench.api`` holds every command of the tool as a Python call.
"""

from bench.moved import redirect

__version__ = "0.2.0.dev0"

redirect()
