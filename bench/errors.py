"""The errors that users see. Each message is one line: what is wrong and what to do."""


class BenchError(Exception):
    """An error in the input or on the machine, described in one line."""


class CardError(BenchError):
    """A card that cannot be read, or a codec that no card describes."""


class DataError(BenchError):
    """Images, labels or curve files that are missing, damaged or of the wrong kind."""


class UnavailableError(BenchError):
    """Something required is missing on this machine; the message says how to get it."""


class CodecError(BenchError):
    """An encoder or decoder failed on an image."""


class TimeLimitError(CodecError):
    """A program that exceeded its time limit; it would do so again."""


class StreamError(CodecError):
    """A bitstream that is truncated, corrupt or not this codec's."""


class StoreError(BenchError):
    """A results folder that cannot be read or written."""


class CacheError(BenchError):
    """The user's cache folder cannot be used."""


class Terminated(BaseException):
    """The process was asked to end (SIGTERM, SIGHUP)."""


class Cancelled(BaseException):
    """The sweep is being stopped; raised in workers so that they stop at once."""
