"""What 'bench list', 'show' and 'doctor' know, and that their screens show it whole."""

from __future__ import annotations

import io
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from fakes import package
from rich.console import Console, RenderableType
from support.command import Bench
from support.pictures import Pictures

from bench.cli.doctor_screen import doctor_screen
from bench.cli.screens import list_screen, show_screen
from bench.codecs import catalog
from bench.codecs.codec import Codec
from bench.commands import doctor as doctor_module
from bench.commands import inventory
from bench.commands.doctor import doctor
from bench.commands.inventory import codecs, datasets, measures, metrics, tasks
from bench.commands.show import show, show_codec
from bench.errors import CardError, CodecError
from bench.runtime import ffmpeg
from bench.runtime.content import content_folder
from bench.runtime.finding import Finding

JPEG = content_folder("anchors") / "jpeg.toml"


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing set up: no settings, no programs on PATH, no data."""
    for variable in ("VTM", "HM", "BPG", "MASK_RCNN", "FASTER_RCNN"):
        monkeypatch.delenv(f"BENCH_{variable}", raising=False)
    monkeypatch.delenv("CITYSCAPES_DATASET", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("BENCH_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def anchors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a checkout whose only card is JPEG's."""
    folder = tmp_path / "anchors"
    folder.mkdir()
    shutil.copy(JPEG, folder)
    for module in (catalog, inventory):
        monkeypatch.setattr(module, "content_folder", lambda name: tmp_path / name)
    return folder


def printed(screen: RenderableType, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(screen, crop=False)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def flat(text: str) -> str:
    return " ".join(text.split())


def check(name: str) -> Finding:
    (found,) = [check for check in doctor() if check.name == name]
    return found


def test_every_card_is_listed_and_says_what_it_lacks() -> None:
    listed = {codec.name: codec for codec in codecs()}
    assert list(listed) == list(catalog.card_paths())
    assert listed["jpeg"].available
    assert listed["jpeg"].anchor
    assert listed["jpeg"].points["default"] == (5, 12, 30, 60)
    assert not listed["vtm"].available
    assert "BENCH_VTM" in str(listed["vtm"].missing)


def test_a_broken_card_is_listed_with_its_error(anchors: Path) -> None:
    (anchors / "broken.toml").write_text('title = "B"\nfamily = "pilow"\n')
    broken, jpeg = codecs()
    assert (broken.name, broken.available, broken.anchor) == ("broken", False, True)
    assert "did you mean 'pillow'?" in str(broken.missing)
    assert jpeg.available
    assert "did you mean 'pillow'?" in flat(printed(list_screen([broken, jpeg], [], [], [], [])))
    assert check("broken").ok is False


def test_a_third_party_s_failing_family_does_not_hide_the_others(
    anchors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(JPEG, anchors / "other.toml")

    def load(name: str) -> Codec:
        if name == "other":
            raise ImportError("no module of theirs")
        return catalog.load_codec(name)

    monkeypatch.setattr("bench.commands.doctor.load_codec", load)
    jpeg, other = codecs()
    assert jpeg.available
    assert "no module of theirs" in str(other.missing)


def test_settings_that_cannot_be_read_hide_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("paths = 3\n")
    listed = {codec.name: codec for codec in codecs()}
    assert listed["jpeg"].available
    assert "config.toml" in str(listed["vtm"].missing)
    assert check("settings").ok is False
    assert check("vtm").ok is None
    assert "config.toml" in str(datasets()[2].missing)
    assert "config.toml" in str({task.name: task for task in tasks()}["mask-rcnn"].missing)
    assert check("mask-rcnn").ok is None


def test_datasets_say_where_cityscapes_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toyscapes, _, cityscapes, *_, folder = datasets()
    assert toyscapes.variants == (":val", ":train", ":dev", "@2", "@3", "@4")
    assert toyscapes.available
    assert folder.available
    assert not cityscapes.available
    assert "CITYSCAPES_DATASET" in str(cityscapes.missing)
    image = tmp_path / "leftImg8bit" / "val" / "ulm" / "ulm_000000_000000_leftImg8bit.png"
    image.parent.mkdir(parents=True)
    image.touch()
    monkeypatch.setenv("CITYSCAPES_DATASET", str(tmp_path))
    assert datasets()[2].available
    assert "1 of the 500" in str(datasets()[2].remark)
    found = check("Cityscapes")
    assert found.ok
    assert "train 0 of 2975 images, 0 labelled; val 1 of 500 images, 0 labelled" in found.found
    assert found.advice


def test_tasks_say_where_their_weights_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = {task.name: task for task in tasks()}
    assert listed["mask-rcnn"].weights == "BENCH_MASK_RCNN"
    assert "name their file in BENCH_MASK_RCNN" in str(listed["mask-rcnn"].missing)
    assert (check("mask-rcnn").ok, check("mask-rcnn").found) == (None, "not found")
    assert "BENCH_FASTER_RCNN" in str(check("faster-rcnn").advice)
    weights = tmp_path / "model.pkl"
    weights.touch()
    monkeypatch.setenv("BENCH_MASK_RCNN", str(weights))
    monkeypatch.setenv("BENCH_FASTER_RCNN", "/nowhere.pkl")
    assert {task.name: task for task in tasks()}["mask-rcnn"].available
    assert (check("mask-rcnn").ok, check("mask-rcnn").found) == (True, f"weights {weights}")
    assert check("faster-rcnn").ok is False
    assert "/nowhere.pkl, which BENCH_FASTER_RCNN names" in str(check("faster-rcnn").advice)


def test_tasks_of_other_packages_are_listed_without_loading_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "raise RuntimeError('loaded')"
    package.install(tmp_path, monkeypatch, "aliens", code, "[bench.tasks]\nalien = aliens:Alien\n")
    alien = {task.name: task for task in tasks()}["alien"]
    assert (alien.available, alien.weights) == (True, "package aliens 1.0")
    assert "package aliens" in printed(list_screen([], [], tasks(), [], metrics()))


def test_the_doctor_says_which_torch_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check("PyTorch").ok
    assert version("torch") in check("PyTorch").found
    monkeypatch.setattr(doctor_module, "find_spec", lambda name: None)
    assert check("PyTorch").ok is False
    assert "pip install torch" in str(check("PyTorch").advice)
    assert check("Detectron2").ok is None


def test_metrics_are_those_of_the_table() -> None:
    default = [metric.name for metric in metrics() if metric.default]
    assert "psnr_y" in default
    assert "vmaf_neg" not in default
    assert "vmaf_neg" in [metric.name for metric in metrics()]


def test_show_has_the_commands_at_the_middle_point_or_at_the_one_asked_for() -> None:
    assert "quality=30" in show_codec("jpeg").commands[0]
    described = show_codec("jpeg", "50")
    assert described.point == 50
    assert "quality=50" in described.commands[0]
    assert described.fingerprint
    assert described.depends_on
    with pytest.raises(CardError, match="outside"):
        show("jpeg", "300")
    with pytest.raises(CardError, match="did you mean 'jpeg'"):
        show("jpg")


def test_all_that_is_listed_is_shown(bench: Bench) -> None:
    names = [*(each.name for each in (*codecs(), *tasks(), *metrics())), "toyscapes", "cityscapes"]
    for name in names:
        result = bench("show", name)
        assert result.status == 0, result.err
        assert result.out.startswith(f"{name}  ")


def test_what_is_not_here_says_how_to_get_it(bench: Bench) -> None:
    for name in ("vtm", "mask-rcnn", "cityscapes"):
        (status,) = [each for each in (*codecs(), *tasks(), *datasets()) if each.name == name]
        assert flat(str(status.missing)) in flat(bench("show", name).out)


def test_a_folder_of_images_is_shown(bench: Bench, pictures: Pictures) -> None:
    assert "images  3, the first is 00.png" in bench("show", pictures(3)).out


def test_nothing_of_that_name(bench: Bench) -> None:
    for result, meant in (
        ("psnr-y", "psnr_y"),
        ("mask-rcn", "mask-rcnn"),
        ("toyscape", "toyscapes"),
    ):
        answer = bench("show", result)
        assert answer.status == 1
        assert f"did you mean '{meant}'?" in answer.err
    assert "--point 3: only a codec has points" in bench("show", "vmaf", "--point", 3).err


def test_show_explains_a_codec_that_cannot_run() -> None:
    described = show_codec("vtm")
    assert described.missing
    assert described.fingerprint is None
    assert described.commands[0].startswith("EncoderAppStatic -c encoder_intra_vtm.cfg")
    text = printed(show_screen(described))
    assert flat(described.missing) in flat(text)
    assert "[paths]" in text
    assert "fingerprint" not in text


def test_show_takes_a_card_of_one_s_own(tmp_path: Path) -> None:
    shutil.copy(JPEG, tmp_path / "mine.toml")
    described = show_codec(str(tmp_path / "mine.toml"))
    assert (described.name, described.card.anchor) == ("mine", False)
    assert described.card.path == tmp_path / "mine.toml"


@pytest.mark.parametrize("width", [80, 120])
def test_commands_and_paths_are_printed_in_one_piece(width: int) -> None:
    described = show_codec("vvenc")
    lines = printed(show_screen(described), width).splitlines()
    assert set(described.commands) <= set(lines)
    assert str(ffmpeg.binary()) in printed(doctor_screen(doctor(), whole=True), width)


@pytest.mark.parametrize("width", [80, 120])
def test_the_list_fits(width: int) -> None:
    lines = printed(
        list_screen(codecs(), datasets(), tasks(), measures(), metrics()), width
    ).splitlines()
    assert max(map(len, lines)) <= width
    for name in (*catalog.card_paths(), "toyscapes", "cityscapes", "mask-rcnn", "vmaf"):
        assert sum(line.split()[1:2] == [name] for line in lines) == 1


def test_the_doctor_finds_nothing_wrong_with_what_is_only_absent() -> None:
    checks = doctor()
    assert all(check.ok is not False for check in checks)
    assert all(check.advice for check in checks if check.ok is None)
    assert all("\n" not in f"{check.found}{check.advice}" for check in checks)
    assert "To fix" not in printed(doctor_screen(checks))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_doctor_fits_a_screen_and_begins_with_the_verdict(width: int) -> None:
    lines = printed(doctor_screen(doctor()), width).splitlines()
    assert lines[0].endswith("required is present.")
    assert len(lines) < 24
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    assert f"{sum(each.ok is None for each in doctor())}. How to get them" in text
    for name in ("Python", "machine", "results", "cache", "temporary", "ffmpeg", "vtm"):
        assert name in text


def test_the_doctor_tells_all_if_it_is_asked(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    found = doctor()  # once: what is free on the disk changes
    monkeypatch.setattr("bench.api.doctor", lambda: found)
    result = bench("doctor", "-v")
    assert result.status == 0
    assert "To fix" not in result.out
    for each in found:
        assert flat(f"{each.found} {each.advice or ''}") in flat(result.out)
    assert len(bench("doctor").out) < len(result.out) / 3


def test_what_is_to_be_done_comes_before_what_is_fine(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_VTM", "/nowhere")
    result = bench("doctor")
    assert result.status == 1
    assert result.out.startswith("To fix: vtm.")
    assert result.out.index("BENCH_VTM names /nowhere") < result.out.index("Python")


def test_a_folder_that_the_user_named_has_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check("vtm").ok is None
    monkeypatch.setenv("BENCH_VTM", "/nowhere")
    monkeypatch.setenv("CITYSCAPES_DATASET", "/nowhere")
    assert check("vtm").ok is False
    assert "BENCH_VTM names /nowhere" in str(check("vtm").advice)
    assert check("Cityscapes").ok is False
    text = flat(printed(doctor_screen(doctor())))
    assert "BENCH_VTM names /nowhere" in text
    assert "To fix: vtm, Cityscapes." in text


def test_another_version_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EncoderAppStatic", "DecoderAppStatic"):
        program = tmp_path / name
        program.write_text(f"#!{sys.executable}\nprint('Encoder Version [23.4] ')\n")
        program.chmod(0o755)
    (tmp_path / "encoder_intra_vtm.cfg").touch()
    monkeypatch.setenv("BENCH_VTM", str(tmp_path))
    found = check("vtm")
    assert found.ok
    assert found.found == f"23.4, {tmp_path / 'EncoderAppStatic'}"
    assert found.advice == "version 10.0 is expected"
    assert "23.4" in str({codec.name: codec for codec in codecs()}["vtm"].remark)


def test_an_ffmpeg_without_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ffmpeg, "encoders", lambda: frozenset({"libx265"}))
    monkeypatch.setattr(ffmpeg, "filters", lambda: frozenset({"scale"}))
    assert check("encoders").ok is False
    assert check("encoders").found == "libx265"
    assert "libvvenc (vvenc-medium, vvenc)" in str(check("encoders").advice)
    assert check("libvmaf").ok is False


def test_no_ffmpeg_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise CodecError("it did not start")

    monkeypatch.setattr(ffmpeg, "version", fail)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/bin/true")
    assert check("ffmpeg").ok is False
    assert check("ffmpeg").found == "/bin/true is not ffmpeg"


def test_a_cache_that_cannot_be_used_is_no_missing_ffmpeg(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(ffmpeg, "_looked_at", {})
    assert check("ffmpeg").ok is False
    assert check("ffmpeg").found == str(ffmpeg.binary())
    assert "BENCH_CACHE" in str(check("ffmpeg").advice)


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "file" / "cache"))
    assert check("cache").ok is False
    assert "BENCH_CACHE" in str(check("cache").advice)
