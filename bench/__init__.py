"""How many bits does one image codec save over another, at equal quality?

``bench.api`` holds every command of the tool as a Python call.
"""

from bench.moved import redirect

redirect()
