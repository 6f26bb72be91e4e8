"""How many bits does one image codec save over another, at equal quality?

``bench.api`` holds every command of the tool as a Python call. ``bench.as_codec`` makes a codec of
two functions, ``bench.from_compressai`` of a model.
"""

from typing import TYPE_CHECKING, Any

from bench.moved import redirect

if TYPE_CHECKING:
    from bench.codecs.functions import as_codec, from_compressai

__version__ = "0.2.0.dev0"
__all__ = ["__version__", "as_codec", "from_compressai"]

redirect()


def __getattr__(name: str) -> Any:
    """The makers of codecs, which are imported on use: ``bench --version`` needs neither."""
    if name not in __all__:
        raise AttributeError(f"module 'bench' has no attribute '{name}'")
    from bench.codecs import functions

    return getattr(functions, name)
