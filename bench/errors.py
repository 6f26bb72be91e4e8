"""The errors a user may meet. Each message is one line: what is wrong and what to do."""


class BenchError(Exception):
    """Anything that is the input's or the machine's fault, told in one line."""


class CardError(BenchError):
    """A card that cannot be read, or a codec that no card describes."""


class DataError(BenchError):
    """Images, labels or curve files that are missing, damaged or of the wrong kind."""


class UnavailableError(BenchError):
    """Something needed is not on this machine; the message says how to get it."""


class CodecError(BenchError):
    """An encoder or decoder failed on an image."""


class TimeLimitError(CodecError):
    """A program that did not end in time; trying again would only take as long again."""


class StreamError(CodecError):
    """A bitstream that is truncated, corrupt or not this codec's."""


class StoreError(BenchError):
    """A results folder that cannot be read or written."""


class CacheError(BenchError):
    """The user's cache folder cannot be used."""


class Terminated(BaseException):
    """The process was asked to end (SIGTERM, SIGHUP)."""


class Cancelled(BaseException):
    """The sweep is being stopped; raised inside workers so that they let go at once."""
