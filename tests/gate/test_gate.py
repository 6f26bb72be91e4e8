"""`bench check`: what passes, what is a regression, and what nothing can be said of."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from fakes.card import CARD, install
from fakes.ncn import CARD as NCN_CARD
from fakes.ncn import STEPS, hand_made_ncn
from fakes.task import RedThings
from support.command import Bench, Result
from support.pictures import Pictures, write_pictures

from bench import api
from bench.codecs.families.ncn.checkpoint import save_ncn
from bench.gate.baseline import read_baseline
from bench.gate.judging import judge
from bench.gate.recording import read_recording
from bench.metrics import METRICS
from bench.metrics.bjontegaard import bd_rate
from bench.runtime.content import content_folder

SHIPPED = (content_folder("anchors") / "jpeg.toml").read_text("utf-8")
RULES = [
    "bpp of mine: within 0.0001 %",
    "psnr_rgb of mine: within 0.0001 %",
    "bd-rate by psnr_rgb of mine against webp: at most +1 %",
]


def write_baseline(
    its_rules: list[str], its_codecs: tuple[str, ...] = ("./mine.toml", "webp"), **more: object
) -> Path:
    keys = {"data": "pictures", "codecs": list(its_codecs), "rules": its_rules} | more
    path = Path("gate.toml")
    path.write_text("\n".join(f"{key} = {_toml(value)}" for key, value in keys.items()))
    return path


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(entry)}" for key, entry in value.items()) + " }"
    return json.dumps(value)


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where a baseline was recorded, of a card of one's own and of one that is shipped."""
    folder = tmp_path_factory.mktemp("gate")
    write_pictures(folder / "pictures", 4)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("mine.toml").write_text(SHIPPED)
        assert api.record(write_baseline(RULES)).status == 0
    return folder


@pytest.fixture
def baseline(recorded: Path) -> Path:
    shutil.copytree(recorded, ".", dirs_exist_ok=True)
    return Path("gate.toml")


def check_again(bench: Bench, baseline: Path, *more: object) -> Result:
    """Checked with nothing in the store."""
    return bench("check", baseline, "--results", "elsewhere", *more)


def words(result: Result) -> str:
    return " ".join(result.out.split())


def test_an_identical_rerun_passes(bench: Bench, baseline: Path) -> None:
    for result in bench("check", baseline), check_again(bench, baseline):
        assert result.status == 0, result.out
        assert result.out.count("✓ pass") == 3
        assert "3 of 3 rules passed" in result.out
        assert "0 to 0" in result.out


def test_recording_again_changes_nothing_but_dates_and_times(bench: Bench, baseline: Path) -> None:
    recording = baseline.with_suffix(".jsonl")
    before = recording.read_text()
    recording.unlink()
    assert check_again(bench, baseline, "--record").status == 0
    times = re.compile(r'"encode_cpu": \[.*?\]')
    assert times.sub("", recording.read_text()) == times.sub("", before)


def test_a_card_with_its_points_shifted_by_one_has_changed(bench: Bench, baseline: Path) -> None:
    points = re.search(r"^default = \[(.*)\]", SHIPPED, re.MULTILINE)
    assert points
    shifted = ", ".join(str(int(point) + 1) for point in points[1].split(","))
    Path("mine.toml").write_text(SHIPPED.replace(points[1], shifted))
    result = bench("check", baseline)
    assert result.status == 1
    assert "2 changed" in result.out
    assert f"its points are quality {shifted}" in words(result)


@pytest.mark.slow
def test_one_qp_lower_is_a_regression_of_rate_and_a_change_of_quality(
    bench: Bench, pictures: Pictures
) -> None:
    pictures(3, 64, 64)
    card = (content_folder("anchors") / "x265.toml").read_text("utf-8")
    Path("mine.toml").write_text(card)
    rules = ["bpp of mine: within 0.0001 %", "psnr_y of mine: within 0.0001 %"]
    baseline = write_baseline(rules, ("./mine.toml",), points={"mine": [37, 27]})
    assert bench("check", baseline, "--record").status == 0
    assert check_again(bench, baseline).status == 0
    # 2 ** (1 / 6) of a quantiser's step is one QP.
    Path("mine.toml").write_text(card.replace("ipratio=1.0", "ipratio=1.1225"))
    result = bench("check", baseline)
    assert result.status == 1
    assert "1 regression, 1 changed" in result.out
    assert "✗ regression bpp of mine" in words(result)
    assert "✗ changed psnr_y of mine" in words(result)
    assert words(result).count("higher at 2 of 2 points, beyond the tolerance") == 2
    assert "mine has changed since" in result.out


@pytest.mark.slow
def test_weights_with_noise_are_a_regression(bench: Bench, pictures: Pictures) -> None:
    pictures(2, 64, 64)
    Path("mine.toml").write_text(NCN_CARD)
    _save_weights(noise=0.0)
    rules = [
        "bpp of mine:toyscapes: within 0.2 %",
        "psnr_rgb of mine: within 0.02 dB",
        "bd-rate by psnr_rgb of mine against jpeg: at most +1 %",
    ]
    baseline = write_baseline(rules, ("./mine.toml:toyscapes", "jpeg"))
    assert bench("check", baseline, "--record").status == 0
    assert check_again(bench, baseline).status == 0
    _save_weights(noise=0.01)
    result = bench("check", baseline)
    assert result.status == 1, result.out
    assert "✗ regression psnr_rgb of mine" in words(result)


def _save_weights(noise: float) -> None:
    Path("weights").mkdir(exist_ok=True)
    draw = torch.Generator().manual_seed(1)
    for number, step in STEPS.items():
        network = hand_made_ncn(step)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(1 + noise * torch.randn(parameter.shape, generator=draw))
        name = f"lambda_{number}".replace(".", "_")
        save_ncn(network, None, Path("weights") / f"{name}.safetensors")


@pytest.mark.slow
def test_wap_is_checked_too(bench: Bench, red: RedThings, root: Path) -> None:
    rules = [
        "wap of jpeg: within 0.0001 %",
        "bd-rate by wap of jpeg against jpeg2000: at most +1 %",
        "bd-rate by wap:red-things of jpeg against jpeg2000: at most +1 %",
    ]
    codecs = ("jpeg", "jpeg2000")
    baseline = write_baseline(rules, codecs, data="cityscapes", tasks=["red-things"])
    at = ("--root", root)
    result = bench("check", baseline, "--record", *at)
    assert result.status == 0, result.out
    assert check_again(bench, baseline, *at).status == 0
    red.fingerprint = "red 2"
    result = bench("check", baseline, *at)
    assert result.status == 2
    assert "wap:red-things was recorded with another version of it" in words(result)
    red.fingerprint = "red 1"
    labels = next(root.rglob("*instanceIds.png"))
    shutil.copy(sorted(root.rglob("*instanceIds.png"))[-1], labels)
    result = bench("check", baseline, *at)
    assert result.status == 2
    assert "recorded with other labels" in words(result)


@pytest.mark.slow
def test_a_bd_rate_is_checked_over_percentages_of_the_recorded_uncompressed_wap(
    bench: Bench, red: RedThings, root: Path
) -> None:
    rules = ["bd-rate by wap between 50%,70% of jpeg against jpeg2000: at most +1 %"]
    points = {"jpeg": [1, 5, 30, 95], "jpeg2000": [160, 60, 25, 3]}
    codecs = ("jpeg", "jpeg2000")
    baseline = write_baseline(rules, codecs, data="cityscapes", tasks=[red.name], points=points)
    result = bench("check", baseline, "--record", "--root", root)
    assert result.status == 0, result.out
    (verdict,) = api.check(baseline, root=root).verdicts
    recording = read_recording(baseline.with_suffix(".jsonl"))
    whole = recording.uncompressed["wap:red-things"].value
    hm, ours = (recording.codecs[name].sample("wap:red-things").mean_curve for name in codecs[::-1])
    expected = bd_rate(hm, ours, between=(0.5 * whole, 0.7 * whole)).value
    assert verdict.was == verdict.now == pytest.approx(expected)
    lines = [json.loads(line) for line in baseline.with_suffix(".jsonl").read_text().splitlines()]
    for line in lines:
        line.pop("uncompressed", None)  # as older recordings are
    old = "".join(f"{json.dumps(line)}\n" for line in lines)
    baseline.with_suffix(".jsonl").write_text(old)
    result = bench("check", baseline, "--root", root)
    assert result.status == 2
    assert "of the uncompressed images was not recorded" in words(result)


def test_an_anchor_is_not_coded_again(bench: Bench, baseline: Path) -> None:
    result = check_again(bench, baseline)
    assert "mine" in result.err
    assert "webp" not in result.err


def test_rules_may_be_given_instead(bench: Bench, baseline: Path) -> None:
    result = bench("check", baseline, "--rule", "bpp of webp: within 1 %")
    assert result.status == 0
    assert "1 of 1 rule passed" in result.out
    result = bench("check", baseline, "--rule", "psnr_y of mine: within 1 %")
    assert result.status == 2
    assert "psnr_y was not recorded; --record does" in words(result)
    result = bench("check", baseline, "--record", "--rule", "bpp of mine: within 1 %")
    assert result.status == 2


def test_other_images_are_no_pass(bench: Bench, baseline: Path) -> None:
    shutil.copy("pictures/01.png", "pictures/00.png")
    result = bench("check", baseline)
    assert result.status == 2
    assert result.out.count("? inconclusive") == 3
    assert "other images: pictures was recorded with digest" in words(result)
    assert words(result).count("other images") == 1  # what all have in common is said once


def test_another_version_of_the_data_set_is_no_pass(bench: Bench, baseline: Path) -> None:
    (recording,) = Path().glob("*.jsonl")
    first, *others = recording.read_text().splitlines(keepends=True)
    heading = json.loads(first)
    assert heading["version"] is None
    recording.write_text("".join([json.dumps(heading | {"version": "1"}) + "\n", *others]))
    result = bench("check", baseline)
    assert result.status == 2
    assert words(result).count("recorded on version 1 of pictures") == 1


def test_recordings_of_before_are_of_the_first_scenes(tmp_path: Path) -> None:
    recording = content_folder("results") / "ci.jsonl"
    first, *others = recording.read_text("utf-8").splitlines(keepends=True)
    heading = json.loads(first)
    heading.pop("version", None)
    path = tmp_path / "earlier.jsonl"
    path.write_text("".join([json.dumps(heading) + "\n", *others]), "utf-8")
    assert read_recording(path).version == "1"


def test_a_missing_image_is_no_pass(bench: Bench, baseline: Path) -> None:
    Path("pictures/03.png").unlink()
    assert bench("check", baseline).status == 2
    Path("pictures/03.png").symlink_to("nowhere")
    assert bench("check", baseline).status == 2
    shutil.rmtree("pictures")
    result = bench("check", baseline)
    assert result.status == 2
    assert "unknown data set" in words(result)


@pytest.mark.slow
def test_failures_are_no_pass(
    bench: Bench, pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures(2)
    install(tmp_path / "tools")
    monkeypatch.setenv("BENCH_FAKE", str(tmp_path / "tools"))
    Path("mine.toml").write_text(CARD)
    rules = ["psnr_rgb of mine: within 1 %", "bpp of jpeg: within 1 %"]
    baseline = write_baseline(rules, ("./mine.toml", "jpeg"))
    assert bench("check", baseline, "--record").status == 0
    Path("mine.toml").write_text(CARD.replace("{height} {point}", "{height} {point} fail"))
    result = check_again(bench, baseline)
    assert result.status == 2
    assert "6 operations of mine failed, such as 00.png at step 1:" in words(result)
    assert "here is my last word" in words(result)
    assert "1 inconclusive, 1 of 2 rules passed" in result.out
    before = Path("gate.jsonl").read_text()
    result = check_again(bench, baseline, "--record")
    assert result.status == 2
    assert "nothing was recorded: 6 operations" in result.err
    assert Path("gate.jsonl").read_text() == before


def test_another_version_of_a_metric_is_no_pass(
    bench: Bench, baseline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = replace(METRICS["psnr_rgb"], version="another")
    monkeypatch.setitem(METRICS.own, "psnr_rgb", newer)
    result = bench("check", baseline)
    assert result.status == 2
    assert "psnr_rgb was recorded with another version of it" in words(result)
    assert "2 inconclusive, 1 of 3 rules passed" in result.out


@pytest.mark.parametrize(
    ("whole", "broken"),
    [
        ('"size": [', '"size": [0, 0, '),
        ('"encode_cpu": [', '"encode_cpu": [1.0, '),
        ('"fingerprint": "', '"fingerprint": null, "not": "'),
        ('"bytes": ', '"bytes": ' + 400 * "9"),
        ("{", 9999 * "["),
    ],
)
def test_what_no_recording_says_is_no_regression(
    bench: Bench, baseline: Path, whole: str, broken: str
) -> None:
    recording = baseline.with_suffix(".jsonl")
    content = recording.read_text("utf-8")
    assert whole in content
    recording.write_text(content.replace(whole, broken), "utf-8")
    result = bench("check", baseline)
    assert result.status == 2
    assert "gate.jsonl: damaged" in words(result)
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "gate.jsonl: no recording"),
        ("", "gate.jsonl: not a recording"),
        ('{"recording": 99}\n', "gate.jsonl: not a recording"),
        ('{"recording": 1}\n', "gate.jsonl: damaged"),
        ("nonsense\n", "gate.jsonl: damaged at line 1"),
        ("[]\n", "gate.jsonl: damaged at line 1"),
    ],
)
def test_a_recording_that_is_none_is_no_pass(
    bench: Bench, baseline: Path, content: str | None, message: str
) -> None:
    recording = baseline.with_suffix(".jsonl")
    recording.unlink()
    if content is not None:
        recording.write_text(content)
    result = bench("check", baseline)
    assert result.status == 2
    assert message in words(result)
    assert "Traceback" not in result.err


def test_a_recording_cut_short_is_no_pass(bench: Bench, baseline: Path) -> None:
    recording = baseline.with_suffix(".jsonl")
    lines = recording.read_text().splitlines(keepends=True)
    mine = [number for number, line in enumerate(lines) if '"mine"' in line and "bytes" in line]
    whole, cut = "".join(lines), mine[-1]
    del lines[cut]
    recording.write_text("".join(lines))
    result = bench("check", baseline)
    assert result.status == 2
    assert "in the recording, mine has no value for 1 of 4 images" in words(result)
    recording.write_text("".join(lines)[:-40])
    result = bench("check", baseline)
    assert result.status == 2
    assert f"damaged at line {len(lines)}" in words(result)
    no_such_image = [line for line in whole.splitlines(keepends=True) if "03.png" not in line]
    recording.write_text("".join(no_such_image))
    result = bench("check", baseline)
    assert (result.status, result.out.count("? inconclusive")) == (2, 3)


@pytest.mark.parametrize(
    ("change", "facts"),
    [
        ({"codec": ["jpeg"]}, "'codec' 'codecs'"),
        ({"limit": "all"}, "'limit' number 'all'"),
        ({"limit": 0}, "'limit' 1 0"),
        ({"codecs": [1]}, "'codecs' text 1"),
        ({"codecs": ["webp", "webp"]}, "'codecs' twice"),
        ({"codecs": ["x256"]}, "'codecs' 'x256' 'x265'"),
        ({"codecs": ["./ours.toml"]}, "'codecs' ours.toml"),
        ({"points": {"x265": [37]}}, "'points' 'x265' mine, webp"),
        ({"points": {"webp": 37}}, "'points.webp' list 37"),
        ({"truth": "mine"}, "'truth' 'labels' 'pseudo' 'mine'"),
        ({"rules": []}, "'rules' 1 0"),
        ({"rules": ["mine is good"]}, "'rules' good METRIC"),
        ({"rules": ["psnr of mine: within 1 %"]}, "'psnr' 'psnr_y'"),
        ({"rules": ["vmaf of mine: within 1 dB"]}, "'rules' vmaf dB"),
        ({"rules": ["bpp of mine: within 0.02"]}, "'rules' 0.02 METRIC"),
        ({"rules": ["encode_cpu of mine: within 1 %"]}, "'rules' encode_cpu METRIC"),
        ({"rules": ["bpp of x265: within 1 %"]}, "'rules' 'x265' mine, webp"),
        ({"rules": ["bd-rate by bpp of mine against webp: at most 1 %"]}, "'rules' bpp METRIC"),
        ({"rules": ["bd-rate by vmaf of webp against webp: at most 1 %"]}, "'rules' vmaf webp"),
        ({"rules": ["encode time of mine against webp: at most x0.5"]}, "'rules' x0.5 x1"),
        ({"rules": ["bpp of mine: within 1 %"] * 2}, "'rules' 'bpp"),
    ],
)
def test_a_baseline_that_is_wrong_is_one_line(
    bench: Bench, change: dict[str, object], facts: str
) -> None:
    Path("mine.toml").write_text(SHIPPED)
    write_baseline(RULES, **change)
    result = bench("check", "gate.toml")
    assert result.status == 2
    assert result.err.startswith("bench: gate.toml: ")
    assert all(fact in result.err for fact in facts.split())
    assert len(result.err.splitlines()) == 1
    assert not result.out


def test_all_faults_of_a_baseline_are_told(bench: Bench) -> None:
    Path("mine.toml").write_text(SHIPPED)
    write_baseline(
        ["good", "bpp of webp: within 1 dB", "bpp of jpeg: within 1 %"],
        limit=0,
        truth="mine",
        points={"webp": [True]},
        tasc=[],
    )
    result = bench("check", "gate.toml")
    assert result.status == 2
    head, *message = result.err.splitlines()
    assert head == f"bench: gate.toml: {len(message)} faults"
    for facts, line in zip(
        ("'limit' 0", "'points.webp' True", "'truth' 'mine'", "'good'", "dB", "jpeg", "'tasc'"),
        message,
        strict=True,
    ):
        assert all(fact in line for fact in facts.split()), line


def test_all_faults_of_rules_on_the_command_line_are_told(bench: Bench, baseline: Path) -> None:
    given = ["good", "bpp of webp: within 1 dB", "bpp of jpeg: within 1 %", RULES[0]]
    result = bench("check", baseline, *(word for rule in given for word in ("--rule", rule)))
    assert result.status == 2
    head, *faults = result.err.splitlines()
    assert "--rule" in head
    for facts, line in zip(("'good'", "dB", "jpeg"), faults, strict=True):
        assert facts in line


def test_a_baseline_that_is_not_there_is_one_line(bench: Bench) -> None:
    assert bench("check", "gate.toml").err == "bench: gate.toml: no such baseline\n"
    Path("gate.toml").write_text("rules = [")
    result = bench("check", "gate.toml")
    assert (result.status, result.err.startswith("bench: gate.toml: not valid TOML")) == (2, True)


def test_ci_is_told_in_its_own_words(
    bench: Bench, baseline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(Path.cwd().parent))
    folder = Path.cwd().name
    Path("summary.md").write_text("another step's\n")
    baseline.write_text(baseline.read_text().replace('["bpp', '[\n "bpp'))
    extra = ("--junit", "junit.xml", "--markdown", "check.md")
    rules = ("--rule", RULES[0], "--rule", "psnr_y of mine: within 1 %")
    rules += ("--rule", "bd-rate by psnr_rgb of mine against webp: at most +900 %")
    _spoil(baseline)
    result = bench("check", baseline, *rules, *extra)
    assert result.status == 1, result.out
    errors = [line for line in result.out.splitlines() if line.startswith("::")]
    first, second = errors
    assert first.startswith(
        f"::error file={folder}/gate.toml,line=4,title=bench check%3A regression"
        "::bpp of mine: within 0.0001 %25: higher at 1 of "
    )
    message = "title=bench check%3A inconclusive::psnr_y"
    assert second.startswith(f"::error file={folder}/gate.toml,{message}")
    suite = ElementTree.parse("junit.xml").getroot()[0]
    counts = {key: suite.attrib[key] for key in ("tests", "failures", "errors")}
    assert counts == {"tests": "3", "failures": "1", "errors": "1"}
    kinds = [[child.tag for child in case if child.tag != "system-out"] for case in suite]
    assert kinds == [["failure"], ["error"], []]
    page = Path("check.md").read_text("utf-8")
    assert Path("summary.md").read_text("utf-8") == f"another step's\n{page}\n"
    table = [line for line in page.splitlines() if line.startswith("|")]
    assert len(table) == 2 + 3
    assert len({line.count(" | ") for line in table[2:]}) == 1
    assert table[2].startswith("| ❌ regression | bpp of mine: within 0.0001\N{NO-BREAK SPACE}% |")
    baseline.unlink()
    result = bench("check", baseline)
    assert result.status == 2
    assert "gate.toml,title=bench check::gate.toml: no such baseline" in result.out


def test_an_improvement_is_no_regression_wherever_the_gate_speaks(
    bench: Bench, baseline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    _spoil(baseline, by=2)
    extra = ("--junit", "junit.xml", "--markdown", "check.md")
    result = bench("check", baseline, "--rule", RULES[0], *extra)
    assert result.status == 1
    junit = Path("junit.xml").read_text("utf-8")
    suite = ElementTree.fromstring(junit)[0]
    assert suite.attrib["failures"] == "1"
    assert suite[0][0].attrib["type"] == "changed"
    for text in (words(result), junit, Path("check.md").read_text("utf-8")):
        assert "changed" in text and "lower at 1 of " in text
        assert "regression" not in text.replace("A regression smaller than", "")


def _spoil(baseline: Path, by: int = -2) -> None:
    """Say that a stream was so many bytes longer when it was recorded."""
    recording = baseline.with_suffix(".jsonl")
    entries = [json.loads(line) for line in recording.read_text().splitlines()]
    stream = next(e for e in entries if e.get("codec") == "mine" and "bytes" in e)
    stream["bytes"] += by
    recording.write_text("".join(json.dumps(entry) + "\n" for entry in entries))


def test_a_check_is_a_plain_object(baseline: Path) -> None:
    made = api.check(baseline, rules=[RULES[2]])
    (verdict,) = made.verdicts
    assert (made.status, made.images, made.data) == (0, 4, "pictures")
    assert (verdict.outcome, verdict.change, verdict.interval) == ("pass", 0.0, (0.0, 0.0))
    assert verdict.was == verdict.now
    assert np.isfinite(verdict.was)


def test_the_terminal_keeps_its_width(
    bench: Bench, baseline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    _spoil(baseline)
    result = bench("check", baseline)
    assert result.status == 1
    assert max(map(len, result.out.splitlines())) <= 80


def test_the_project_s_own_baseline_is_small_and_can_be_judged() -> None:
    baseline = content_folder("results") / "ci.toml"
    asked, recording = read_baseline(baseline), baseline.with_suffix(".jsonl")
    recorded = read_recording(recording)
    assert recording.stat().st_size < 200_000
    found = judge(baseline, asked.rules, recorded, recorded, {})
    assert found.status == 0, [(verdict.rule.text, verdict.why) for verdict in found.verdicts]
    assert found.images == asked.limit
