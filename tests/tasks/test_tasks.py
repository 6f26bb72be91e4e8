"""Decoded pictures shown to a task network: wAP in every output, and nothing coded for it twice."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes.task import RedThings, red_cityscapes
from PIL import Image
from support.command import Bench
from support.pictures import Pictures

from bench import api
from bench.datasets.cityscapes import read_split
from bench.images.image import read_pixels
from bench.metrics import average_precision as average_precision_module
from bench.metrics.average_precision import average_precision, score
from bench.metrics.instance_matching import match
from bench.metrics.resampling import resample_weights

QUICK = ("--metric", "psnr_rgb")
CODECS = ("--codec", "jpeg", "--codec", "jpeg2000")


def cityscapes(root: Path, *more: object) -> tuple[object, ...]:
    return ("run", *CODECS, "--data", "cityscapes", "--root", root, *QUICK, *more)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_wap_is_in_every_output(bench: Bench, root: Path, red_results: Path) -> None:
    result = bench(*cityscapes(root, "--task", "red-things"))
    assert result.status == 0, result.err
    assert "wAP, red-things" in result.out
    assert "uncompressed" in result.out
    report = Path("bench-results/report")
    for row in rows(report / "means.csv"):
        low, high = float(row["wap:red-things_low"]), float(row["wap:red-things_high"])
        assert low <= float(row["wap:red-things"]) <= high
    deltas = {row["metric"]: row for row in rows(report / "bjontegaard.csv")}
    assert float(deltas["wap:red-things"]["bd_rate_low"]) < float(
        deltas["wap:red-things"]["bd_rate_high"]
    )
    assert deltas["wap:red-things"]["bd_rate_mean_of_images"] == ""
    assert "## wAP, red-things" in (report / "report.md").read_text()
    assert "uncompressed" in (report / "curves.svg").read_text()


@pytest.mark.slow
def test_wap_is_that_of_the_decoded_pictures(
    red: RedThings, root: Path, red_sweep: Path, red_results: Path
) -> None:
    entries = read_split(root, "val")
    for row in rows(Path("bench-results/report/means.csv")):
        folder = red_sweep / "decoded" / row["codec"] / f"{row['unit']}-{row['point']}"
        matches = [
            match(
                entry.instances.read(),
                red.predict(read_pixels(folder / f"{entry.name}.png")),
            )
            for entry in entries
            if entry.instances
        ]
        found = average_precision(matches)
        assert float(row["wap:red-things"]) == found.wap
        assert float(row["ap:red-things"]) == found.ap
        assert float(row["ap50:red-things"]) == found.ap50


@pytest.mark.slow
def test_the_interval_is_that_of_resampled_images(red_results: Path) -> None:
    made = api.report(red_results)
    jpeg = made.results.codec("jpeg")
    column = list(jpeg.matches["red-things"].T[0])
    drawn = [
        average_precision([column[i] for i in np.repeat(np.arange(6), row.astype(int))]).wap
        for row in resample_weights(6)
    ]
    score = jpeg.scores["red-things"][0]
    assert score is not None
    assert score.interval == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])), abs=1e-12)


@pytest.mark.slow
def test_a_task_added_later_codes_nothing(red: RedThings, root: Path) -> None:
    options = {"data": "cityscapes", "root": root, "points": ["20,60"]}
    first = api.run(["jpeg"], metrics=["psnr_rgb"], tasks=["none"], **options)  # type: ignore[arg-type]
    assert first.outcome is not None
    assert first.outcome.encoded.total() == 12
    assert not red.looked
    second = api.run(["jpeg"], metrics=["psnr_rgb"], tasks=["red-things"], **options)  # type: ignore[arg-type]
    assert second.outcome is not None
    assert second.outcome.encoded.total() == 0
    assert len(red.looked) == 6 + 12
    third = api.run(["jpeg"], metrics=["psnr_rgb"], tasks=["red-things"], **options)  # type: ignore[arg-type]
    assert third.outcome is not None
    assert third.outcome.finished == 0
    assert len(red.looked) == 6 + 12
    assert third.means.equals(second.means)


@pytest.mark.slow
def test_the_log_tells_what_was_encoded(bench: Bench, red: RedThings, root: Path) -> None:
    first = bench(*cityscapes(root, "--task", "none"))
    assert "48 encoded, 0 bitstreams taken from the store" in first.err
    second = bench(*cityscapes(root, "--task", "red-things"))
    assert "0 encoded, 48 bitstreams taken from the store" in second.err
    third = bench(*cityscapes(root, "--task", "red-things"))
    assert "0 encoded; the store had all of it" in third.err


@pytest.mark.slow
def test_another_network_of_that_name_looks_again(
    bench: Bench, red: RedThings, root: Path, red_results: Path
) -> None:
    bench(*cityscapes(root, "--task", "red-things"))
    assert not red.looked
    red.fingerprint = "red 2"
    result = bench(*cityscapes(root, "--task", "red-things"))
    assert result.status == 0
    assert len(red.looked) == 6 + 48


@pytest.mark.slow
def test_changed_labels_are_scored_again(bench: Bench, root: Path, red_results: Path) -> None:
    before = rows(Path("bench-results/report/means.csv"))
    path = next((root / "gtFine").rglob("*_instanceIds.png"))
    instance_ids = np.array(Image.open(path))
    instance_ids[instance_ids == 26003] = 7
    Image.fromarray(instance_ids).save(path)
    result = bench(*cityscapes(root, "--task", "red-things"))
    assert result.status == 0, result.err
    after = rows(Path("bench-results/report/means.csv"))
    assert [row["bpp"] for row in before] == [row["bpp"] for row in after]
    assert [row["wap:red-things"] for row in before] != [row["wap:red-things"] for row in after]


@pytest.mark.slow
def test_boxes_alone_are_scored_as_boxes(bench: Bench, red: RedThings, root: Path) -> None:
    red.finds = "boxes"
    result = bench(*cityscapes(root, "--task", "red-things"))
    assert result.status == 0, result.err
    means = rows(Path("bench-results/report/means.csv"))
    assert max(float(row["wap:red-things"]) for row in means) > 0.5


@pytest.mark.slow
def test_any_folder_has_a_pseudo_truth(
    bench: Bench, red: RedThings, root: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for path in root.glob("leftImg8bit/val/a/*.png"):
        path.rename(folder / path.name)
    blank = folder / "nothing-red.png"
    Image.new("RGB", (192, 96)).save(blank)
    pseudo = ("--task", "red-things", "--truth", "pseudo", "--truth-score", 0.3)
    result = bench("run", *CODECS, "--data", folder, *QUICK, *pseudo)
    assert result.status == 0, result.err
    assert "7 images" in result.out
    for text in (result.out, Path("bench-results/report/report.md").read_text()):
        assert "the truth is what the network itself finds" in " ".join(text.split())
    means = rows(Path("bench-results/report/means.csv"))
    assert all(0 < float(row["wap:red-things:pseudo"]) <= 1 for row in means)
    # Of the uncompressed pictures it finds what is the truth.
    uncompressed = next(line for line in result.out.splitlines() if "uncompressed" in line)
    assert "1.000" in uncompressed
    looked = len(red.looked)
    assert bench("run", *CODECS, "--data", folder, *QUICK, *pseudo).status == 0
    assert len(red.looked) == looked


def test_a_set_in_which_nothing_is_found_has_no_pseudo_truth(
    bench: Bench, red: RedThings, pictures: Pictures
) -> None:
    result = bench(
        "run", *CODECS, "--data", pictures(), *QUICK, "--task", "red-things", "--truth", "pseudo"
    )
    assert result.status == 1
    assert "finds nothing with a score of 0.5 or more" in result.err
    assert not list(Path("bench-results").rglob("streams/*/*"))


@pytest.mark.slow
def test_a_truth_that_is_refused_does_not_replace_the_last_one(
    bench: Bench, red: RedThings, root: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for path in root.glob("leftImg8bit/val/a/*.png"):
        path.rename(folder / path.name)
    command = ("run", *CODECS, "--data", folder, *QUICK, "--task", "red-things")
    command += ("--truth", "pseudo", "--truth-score")
    assert bench(*command, 1).status == 1
    assert bench("report").status in (0, 1)
    assert bench(*command, 0.3).status == 0
    before = bench("report").out
    assert bench(*command, 1).status == 1
    assert bench("report").out == before
    assert "wAP" in before


@pytest.mark.slow
def test_boxes_are_pseudo_truth_too(bench: Bench, red: RedThings, tmp_path: Path) -> None:
    red.finds = "boxes"
    folder = tmp_path / "pictures"
    folder.mkdir()
    for path in red_cityscapes(tmp_path / "cars", 2).glob("leftImg8bit/val/a/*.png"):
        path.rename(folder / path.name)
    run = ("run", *CODECS, "--data", folder, *QUICK, "--task", "red-things", "--truth", "pseudo")
    result = bench(*run, "--truth-score", 0.3)
    assert result.status == 0, result.err
    name = "red-things:pseudo"
    means = rows(Path("bench-results/report/means.csv"))
    assert all(0 < float(row[f"wap:{name}"]) < 1 for row in means)
    (task,) = api.report().results.tasks
    assert task.ceiling is not None and task.ceiling.value == 1
    looked = len(red.looked)
    assert bench(*run, "--truth-score", 0.3).status == 0
    assert len(red.looked) == looked
    assert bench("report", "--html").status == 0


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (["--task", "red-thing"], "did you mean 'red-things'?"),
        (["--task", "mask-rcnn"], "BENCH_MASK_RCNN"),
        (["--task", "mask-rcnn=lost.pkl"], "lost.pkl: no such file"),
        (["--task", "none", "--task", "red-things"], "--task none"),
        (["--task", "red-things", "--task", "red-things=other"], "--task: the same network twice"),
    ],
)
def test_a_wrong_task_is_one_line(
    bench: Bench, red: RedThings, root: Path, chosen: list[str], message: str
) -> None:
    result = bench(*cityscapes(root, *chosen))
    assert result.status == 1
    assert message in result.err
    assert not Path("bench-results").exists()


def test_pictures_without_labels_are_named(bench: Bench, red: RedThings, root: Path) -> None:
    next((root / "gtFine").rglob("*_instanceIds.png")).unlink()
    result = bench(*cityscapes(root, "--task", "red-things"))
    assert result.status == 1
    assert "a_00000" in result.err
    assert "--truth pseudo" in result.err


def test_labels_of_another_size_are_named(bench: Bench, red: RedThings, root: Path) -> None:
    path = next((root / "gtFine").rglob("*_instanceIds.png"))
    Image.fromarray(np.full((48, 96), 7, np.uint16)).save(path)
    result = bench(*cityscapes(root, "--task", "red-things"))
    assert result.status == 1
    assert "96x48" in result.err


@pytest.mark.slow
def test_cityscapes_without_weights_has_no_task_and_says_so(bench: Bench, root: Path) -> None:
    result = bench(*cityscapes(root))
    assert result.status == 0, result.err
    assert "no task: mask-rcnn has no weights" in result.err
    assert "wAP" not in result.out


@pytest.mark.slow
def test_a_report_shows_the_tasks_that_are_asked_for(bench: Bench, red_results: Path) -> None:
    assert "wAP, red-things" in bench("report").out
    assert "wAP" not in bench("report", "--task", "none").out
    unknown = bench("report", "--task", "blue-things")
    assert unknown.status == 1
    assert "there are red-things" in unknown.err


@pytest.mark.slow
def test_a_failing_network_costs_one_picture(
    bench: Bench, red: RedThings, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = iter(range(10**6))
    find = RedThings.predict

    def predict(task: RedThings, pixels: np.ndarray) -> object:
        if next(looked) == 20:
            raise RuntimeError("out of memory")
        return find(task, pixels)

    monkeypatch.setattr(RedThings, "predict", predict)
    result = bench(*cityscapes(root, "--task", "red-things"))
    assert result.status == 1
    assert "RuntimeError: out of memory" in result.out
    monkeypatch.setattr(RedThings, "predict", find)
    again = bench(*cityscapes(root, "--task", "red-things"))
    assert again.status == 0, again.err
    assert "failure" not in again.out


def test_a_network_that_fails_on_an_original_is_one_line(
    bench: Bench, red: RedThings, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def predict(task: RedThings, pixels: np.ndarray) -> object:
        raise RuntimeError("no memory")

    monkeypatch.setattr(RedThings, "predict", predict)
    result = bench(*cityscapes(root, "--task", "red-things"))
    assert result.status == 1
    assert "uncompressed: RuntimeError: no memory" in result.err
    assert not list(Path("bench-results").rglob("streams/*/*"))


@pytest.mark.slow
def test_resamples_are_drawn_once(
    bench: Bench, red: RedThings, root: Path, red_results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench(*cityscapes(root, "--task", "red-things"))
    means = Path("bench-results/report/means.csv").read_text()
    drawn = []

    def again(matches: object, weights: np.ndarray, names: object) -> object:
        if len(weights) > 1:
            drawn.append(matches)
        return score(matches, weights, names)  # type: ignore[arg-type]

    counted = replace(average_precision_module.MEASURE, score=again)
    monkeypatch.setattr(average_precision_module, "MEASURE", counted)
    assert bench("report").status == 0
    assert not drawn
    assert Path("bench-results/report/means.csv").read_text() == means
    monkeypatch.setenv("BENCH_CACHE", str(root / "another-cache"))
    assert bench("report").status == 0
    assert drawn
    assert Path("bench-results/report/means.csv").read_text() == means
