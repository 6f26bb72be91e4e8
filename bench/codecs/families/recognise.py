"""Whose bitstream is it? Told from its first bytes, as each format defines them."""

from __future__ import annotations

from pathlib import Path

from bench.codecs.families.compressai.stream import ZooStream
from bench.codecs.families.ncn.stream import NcnStream
from bench.codecs.families.sizes import take_crop

# To a decoder, all cards of a family are alike.
_ANY_NCN, _ANY_OF_ZOO = "ncn-hvs", "mbt2018"
# A box of 12 bytes opens the container of every format of the JPEG committee that has one.
_BOX = b"\0\0\0\x0c%b\r\n\x87\n"
_FIRST_BYTES = {
    b"\xff\xd8\xff": "jpeg",
    b"\xff\x0a": "jxl",
    _BOX % b"JXL ": "jxl",
    b"\xff\x4f\xff\x51": "jpeg2000",
    _BOX % b"jP  ": "jpeg2000",
    b"BPG\xfb": "bpg",
    b"\x12\0\x0a": "av1",  # an empty temporal delimiter, then the sequence header
}
_START_CODES = (b"\0\0\0\1", b"\0\0\1")  # of Annex B
# What may open a stream: parameter sets, an access unit delimiter, a message before the picture.
_HEVC_UNITS = {32, 33, 34, 35, 39}
_VVC_UNITS = {12, 13, 14, 15, 16, 17, 20, 23}


def recognise(stream: bytes, brought: Path | None = None) -> str | None:
    """The shipped codec that decodes this stream; None if it is no format of theirs.

    A neural codec's is told by the weights that coded it, unless a user has ``brought`` some.
    """
    if stream[:1] == bytes([NcnStream.mark]):
        from bench.codecs.families.ncn.codec import NcnCodec

        return _ANY_NCN if brought else NcnCodec.codec_of(stream)
    if stream[:1] == bytes([ZooStream.mark]):
        from bench.codecs.families.compressai.codec import CompressAICodec

        return _ANY_OF_ZOO if brought else CompressAICodec.codec_of(stream)
    if stream[:4] == b"RIFF" and stream[8:12] == b"WEBP":
        return "webp"
    for first, name in _FIRST_BYTES.items():
        if stream.startswith(first):
            return name
    # Of these formats, only HEVC and VVC have pictures padded, and so a crop byte in front.
    own, _, _ = take_crop(stream[:8], multiple=2)
    for start in _START_CODES:
        if own.startswith(start):
            return _video(own[len(start) : len(start) + 2])
    return None


def _video(header: bytes) -> str | None:
    """HEVC or VVC, by the two bytes that head a unit: each has its type where the other has 0."""
    if len(header) < 2:
        return None
    one, two = header
    if two == 1 and one & 1 == 0 and one >> 1 in _HEVC_UNITS:
        return "x265"
    if one == 0 and two & 7 == 1 and two >> 3 in _VVC_UNITS:
        return "vvenc"
    return None
