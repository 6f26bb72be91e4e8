"""Codecs described by a card alone: a fake one with every fault, an ffmpeg one, and VTM and HM."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fakes.card import CARD, install

from bench.codecs.catalog import load_codec
from bench.codecs.codec import Codec
from bench.codecs.families import external, tools
from bench.errors import CardError, CodecError, StreamError, TimeLimitError
from bench.images.image import Image
from bench.runtime import ffmpeg
from bench.runtime.programs import metered

LAST_WORD = "here is my last word"

Make = Callable[..., Codec]


def picture(width: int, height: int) -> Image:
    y, x = np.mgrid[:height, :width]
    return Image("p", np.stack([x * 3, y * 3, x + y], axis=-1).astype(np.uint8))


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """A card with some text replaced, and its programs in the folder that the variable names."""
    install(tmp_path / "tools" / "bin")
    monkeypatch.setenv("BENCH_FAKE", str(tmp_path / "tools"))
    monkeypatch.setenv("BENCH_CONFIG", str(tmp_path / "config.toml"))

    def write(*changes: tuple[str, str]) -> Codec:
        text = CARD
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        card = tmp_path / "fake.toml"
        card.write_text(text)
        return load_codec(str(card))

    return write


@pytest.mark.parametrize("size", [(16, 16), (32, 20), (33, 19), (1, 1)])
def test_a_card_is_enough(make: Make, size: tuple[int, int]) -> None:
    codec = make()
    image = picture(*size)
    stream = codec.encode(image, 1)
    assert codec.missing() is None
    assert codec.remark() is None
    assert stream[:4] == bytes([0, size[0], 0, size[1]])
    assert np.abs(codec.decode(stream).astype(int) - image.pixels).mean() < 12


def test_nothing_is_left_behind(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    codec = make()
    codec.decode(codec.encode(picture(16, 16), 1))
    assert list(scratch.iterdir()) == []


def test_the_check_is_not_charged_to_the_encoder(make: Make) -> None:
    codec, image = make(), picture(16, 16)
    image.ycbcr(4)
    with metered() as checked:
        codec.encode(image, 1)
    # Three runs of Python would be charged where the conversion and the check were.
    unchecked = make(("{reconstruction}", "unused.yuv"))
    with metered() as alone:
        unchecked.encode(image, 1)
    assert checked.cpu < 1.6 * alone.cpu + 0.01


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("crash", "fake failed (status -6): "),
        ("fail", "fake failed (status 3): "),
        ("silent", "fake wrote no stream: "),
        ("babble", "fake printed without end and was stopped: "),
        ("short", "fake failed (status 1): "),
        ("other", "fake's picture differs from fake's own reconstruction"),
    ],
)
def test_a_faulty_encoder_is_one_line(make: Make, fault: str, message: str) -> None:
    codec = make(("{height} {point}", f"{{height}} {{point}} {fault}"))
    with pytest.raises(CodecError) as raised:
        codec.encode(picture(16, 16), 1)
    text = str(raised.value)
    assert text.startswith(message)
    assert "\n" not in text
    if fault not in ("short", "other", "babble"):
        assert LAST_WORD in text


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("crash", "fake failed (status -6): "),
        ("fail", "fake failed (status 3): "),
        ("silent", "fake wrote no picture: "),
        ("larger", "fake wrote 388 bytes, not the 384 bytes of 16x16: "),
    ],
)
def test_a_faulty_decoder_is_one_line(make: Make, fault: str, message: str) -> None:
    stream = make().encode(picture(16, 16), 1)
    codec = make(("{stream} {output}", f"{{stream}} {{output}} {fault}"))
    with pytest.raises(StreamError) as raised:
        codec.decode(stream)
    text = str(raised.value)
    assert text.startswith(f"fake cannot decode the stream: {message}")
    assert LAST_WORD in text
    assert "\n" not in text
    with pytest.raises(CodecError):  # the check of the reconstruction meets it as well
        codec.encode(picture(16, 16), 1)


def test_a_hanging_program_is_stopped(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(external, "_MIN_LIMIT", 0.5)
    codec = make(("{height} {point}", "{height} {point} hang"))
    with pytest.raises(TimeLimitError, match=f"stopped after its time limit of .*{LAST_WORD}"):
        codec.encode(picture(16, 16), 1)
    stream = make().encode(picture(16, 16), 1)
    with pytest.raises(StreamError, match="time limit"):
        make(("{stream} {output}", "{stream} {output} hang")).decode(stream)


def test_a_hanging_child_is_not_waited_for(make: Make) -> None:
    codec = make(("{height} {point}", "{height} {point} orphan"))
    start = time.monotonic()
    assert codec.encode(picture(16, 16), 1)
    assert time.monotonic() - start < 30


def test_damage_is_told(make: Make) -> None:
    codec = make()
    stream = codec.encode(picture(16, 16), 1)
    for damaged in (b"", stream[:3], stream[:4], stream[:-1], b"\0\0\0\0" + stream[4:]):
        with pytest.raises(StreamError):
            codec.decode(damaged)
    with pytest.raises(StreamError, match="impossible size, 65536x65536"):
        codec.decode(b"\xff\xff\xff\xff" + stream[4:])


def test_another_version_is_told(make: Make) -> None:
    codec = make(('version = "1.2"', 'version = "1.3"'))
    assert codec.missing() is None
    remark = codec.remark()
    assert remark is not None
    assert remark.endswith("fake is version 1.2, where 1.3 is expected")
    assert codec.depends_on()["version"] == "1.2"
    mute = make(("--version", "--nothing")).remark()
    assert mute is not None
    assert "of an unknown version" in mute


def test_missing_programs_say_what_to_do(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = os.environ["BENCH_FAKE"]
    assert make(('["fake"]', '["unfaked"]')).missing() == (
        f"BENCH_FAKE names {tools}, but no program unfaked is there or in its bin/; ask for it"
    )
    monkeypatch.delenv("BENCH_FAKE")
    monkeypatch.setenv("PATH", "/nowhere")
    message = make().missing()
    assert message is not None
    assert message.startswith("no program fake-newer or fake on PATH; ask for it, then name")
    assert "BENCH_FAKE" in message
    assert make().remark() is None
    assert make().commands(4)[0].startswith("fake-newer encode input.yuv stream.bin")
    monkeypatch.setenv("PATH", f"{tools}/bin")
    assert make().missing() is None


def test_the_folder_may_stand_in_the_configuration(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tools = os.environ["BENCH_FAKE"]
    monkeypatch.delenv("BENCH_FAKE")
    config = tmp_path / "other-config.toml"
    config.write_text(f'[paths]\nfake = "{tools}"\n')
    monkeypatch.setenv("BENCH_CONFIG", str(config))
    assert make().missing() is None


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A card with nothing in it that it can do without, somewhere else."""
    monkeypatch.setenv("BENCH_CONFIG", str(tmp_path / "config.toml"))
    needless = ("folder", "get", "version", "minutes_per_2_megapixels")
    lines = [line for line in CARD.splitlines() if not line.startswith(needless)]
    card = tmp_path / "private" / "mine.toml"
    card.parent.mkdir()
    card.write_text("\n".join(lines))
    return str(card)


@pytest.mark.parametrize("place", ["private", "private/bin", "on-path"])
def test_a_script_needs_neither_variable_nor_version(
    private: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_codec(private).missing() == (
        f"no program fake-newer or fake in {tmp_path / 'private'}, in its bin/ or on PATH"
    )
    folder = tmp_path / place
    folder.mkdir(exist_ok=True)
    install(folder / "programs")
    for path in (folder / "programs").iterdir():
        path.rename(folder / path.name)
    monkeypatch.setenv("PATH", f"{tmp_path / 'on-path'}{os.pathsep}{os.environ['PATH']}")
    codec = load_codec(private)
    assert (codec.missing(), codec.remark()) == (None, None)
    image = picture(32, 20)
    assert np.abs(codec.decode(codec.encode(image, 1)).astype(int) - image.pixels).mean() < 12


def test_a_version_may_be_asked_for_without_expecting_one(make: Make) -> None:
    codec = make(('version = "1.2"', ""))
    assert codec.remark() is None
    assert codec.depends_on()["version"] == "1.2"


def test_a_program_that_is_replaced_codes_nothing_under_the_old_name(make: Make) -> None:
    codec = make()
    before = codec.fingerprint
    program = Path(os.environ["BENCH_FAKE"]) / "bin" / "fake"
    program.write_text(program.read_text() + "# another build\n")
    with pytest.raises(CodecError, match="was replaced"):
        codec.encode(picture(16, 16), 1)
    again = make()
    assert again.fingerprint != before
    assert again.encode(picture(16, 16), 1)


def test_a_cfg_is_found_and_fingerprinted(make: Make) -> None:
    changes = [('get = "ask', 'cfg = "intra.cfg"\nget = "ask'), ("--version", "--version {cfg}")]
    tools = Path(os.environ["BENCH_FAKE"])
    assert "intra.cfg" in (make(*changes).missing() or "")
    (tools / "cfg").mkdir()
    (tools / "cfg" / "intra.cfg").write_text("QP : 37")
    codec = make(*changes)
    assert codec.missing() is None
    before = codec.fingerprint
    (tools / "cfg" / "intra.cfg").write_text("QP : 38 ")
    assert make(*changes).fingerprint != before


def test_the_fingerprint_follows_the_programs(make: Make) -> None:
    codec = make()
    assert codec.fingerprint == make().fingerprint
    assert codec.fingerprint != make(("{point}", "{point} ''")).fingerprint
    program = Path(os.environ["BENCH_FAKE"]) / "bin" / "fake"
    program.write_text(program.read_text() + "# another build\n")
    assert codec.fingerprint != make().fingerprint


@pytest.mark.parametrize(
    ("old", "new", "facts"),
    [
        ("folder =", "folders =", "'external.folders' 'folder'"),
        ('input = "yuv420p"', "", "'external.input' missing 'yuv420p' 'png'"),
        ("version_command", "#", "'external.version_command' missing"),
        ("version_pattern", "#", "'external.version_pattern' missing"),
        ("multiple = 4", "multiple = 9", "'external.multiple' 8 9"),
        ("multiple = 4", 'multiple = "4"', "'external.multiple' number '4'"),
        ('["fake"]', "[]", "'external.decoder' 1 0"),
        ('input = "yuv420p"', 'input = "rgb"', "'external.input' 'yuv420p' 'png' 'rgb'"),
        ('output = "yuv420p"', 'output = "y"', "'external.output' 'yuv420p' 'yuv420p10le' 'y'"),
        ('size_from = "header"', "", "'external.size_from' missing"),
        ('output = "yuv420p"', 'output = "png"', "'external.size_from' raw"),
        ("{point}", "{qp}", "'external.encode' {qp} {encoder}"),
        ("{stream} {output}", "{stream}", "'external.decode' {output}"),
        ("{decoder} decode", "{decoder} {cfg}", "'external.decode' {cfg}"),
        ("{point}", "'{point}", "'external.encode' quotation"),
        ("{point}", "{point:d}", "'external.encode' '{point:d}'"),
        ("([\\\\d.]+)", "(", "'external.version_pattern' regular"),
        ("0.001", "0", "'external.minutes_per_2_megapixels' above 0"),
        ("0.001", "true", "'external.minutes_per_2_megapixels' number True"),
    ],
)
def test_a_wrong_card_is_one_line(make: Make, old: str, new: str, facts: str) -> None:
    with pytest.raises(CardError) as raised:
        make((old.replace("\\\\", "\\"), new))
    path, _, text = str(raised.value).partition(": ")
    assert path.endswith("fake.toml")
    assert all(fact in text for fact in facts.split())
    assert "\n" not in text


@pytest.mark.slow
def test_a_version_pattern_that_takes_for_ever_is_stopped(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "_SEARCH_LIMIT", 2.0)
    codec = make((r"version \[([\d.]+)\]", "((?:.|.|.|.)+)!"))
    with pytest.raises(CardError, match=r"version_pattern .* takes more than 2 s"):
        codec.remark()


def test_a_raw_decoder_of_a_known_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ffmpeg as an external codec gives what the ffmpeg family gives, crop byte included."""
    name = ffmpeg.binary().name
    monkeypatch.setenv("BENCH_FAKE", str(ffmpeg.binary().parent))
    inside = load_codec("x265")
    encode = inside.card.options["encode"]
    replaced = {
        "encoder =": f'encoder = ["{name}"]',
        "decoder =": f'decoder = ["{name}"]',
        "size_from": 'size_from = "hevc"',
        "multiple": "multiple = 2",
        "encode =": "encode = '{encoder} -f rawvideo -pix_fmt yuv420p -s {width}x{height} -r 1 "
        f"-i {{input}} {encode} {{stream}}'",
        "decode =": "decode = '{decoder} -f hevc -i {stream} -f rawvideo {output}'",
    }
    lines = [
        next((new for key, new in replaced.items() if line.startswith(key)), line)
        for line in CARD.splitlines()
    ]
    card = tmp_path / "outside.toml"
    card.write_text("\n".join(lines))
    outside = load_codec(str(card))
    for size in ((64, 48), (33, 47)):
        stream = outside.encode(picture(*size), 30)
        assert stream == inside.encode(picture(*size), 30)
        assert (outside.decode(stream) == inside.decode(stream)).all()
    with pytest.raises(StreamError):
        outside.decode(b"no stream at all")


def test_image_files_in_and_out(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that copies a PNG is a lossless codec of image files."""
    monkeypatch.setenv("BENCH_FAKE", str(Path(shutil.which("cp") or "").parent))
    codec = make(
        ('["fake-newer", "fake"]', '["cp"]'),
        ('["fake"]', '["cp"]'),
        ('input = "yuv420p"', 'input = "png"'),
        ('output = "yuv420p"', 'output = "png"'),
        ('size_from = "header"', ""),
        ("multiple = 4", "multiple = 1"),
        (
            "encode {input} {stream} {reconstruction} {width} {height} {point}",
            "--suffix={point} {input} {stream}",
        ),
        ("{decoder} decode", "{decoder}"),
    )
    image = picture(33, 19)
    stream = codec.encode(image, 1)
    assert (codec.decode(stream) == image.pixels).all()
    for damaged in (b"", stream[:40], stream[: len(stream) // 2], b"rubbish"):
        with pytest.raises(StreamError):
            codec.decode(damaged)


COPYING = (
    ('input = "yuv420p"', 'input = "png"'),
    ('output = "yuv420p"', 'output = "png"'),
    ('size_from = "header"', ""),
    ("multiple = 4", "multiple = 1"),
    (
        "encode {input} {stream} {reconstruction} {width} {height} {point}",
        "{input} {stream} {point}",
    ),
    ("{decoder} decode", "{decoder}"),
)


def test_a_program_is_run_under_the_name_it_was_found_by(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As a virtual environment's Python, and each name of a program of many names, has to be."""
    program = tmp_path / "real" / "multi"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\ncase $0 in *pack) cp "$1" "$2";; *) exit 9;; esac\n')
    program.chmod(0o755)
    for name in ("pack", "unpack"):
        (tmp_path / name).symlink_to(program)
    monkeypatch.delenv("BENCH_FAKE")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    changes = (('["fake-newer", "fake"]', '["pack"]'), ('["fake"]', '["unpack"]'), *COPYING)
    codec, image = make(*changes), picture(16, 16)
    assert (codec.decode(codec.encode(image, 1)) == image.pixels).all()
    before = codec.fingerprint
    program.write_text(program.read_text() + "# another build\n")
    assert make(*changes).fingerprint != before


@pytest.mark.parametrize(("name", "twin"), [("vtm", "vvenc"), ("hm", "x265")])
def test_reference_software_agrees_with_ffmpeg(name: str, twin: str) -> None:
    codec, other = load_codec(name), load_codec(twin)
    if missing := codec.missing():
        pytest.skip(missing.partition(";")[0])
    stream = codec.encode(picture(63, 48), 37)
    assert (codec.decode(stream) == other.decode(stream)).all()
    theirs = other.encode(picture(63, 48), 37)
    assert (codec.decode(theirs) == other.decode(theirs)).all()
