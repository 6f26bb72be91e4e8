"""The command line: parses, calls ``bench.api`` and prints.

What a command needs is imported inside it, so that ``bench --help`` answers at once.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from bench.metrics.bjontegaard import Method
    from bench.report.compare import Report

Command = TypeVar("Command", bound=Callable[..., Any])

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)
_PATH = click.Path(path_type=Path)


def _options(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """Several options as one decorator, for the commands that share them."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_results = click.option(
    "--results", type=_FOLDER, default=Path("bench-results"), show_default=True, help="The store."
)
_metric = click.option(
    "--metric", "metrics", multiple=True, metavar="NAME", help="A metric; may be repeated."
)
_bjontegaard = _options(
    click.option(
        "--method",
        type=click.Choice(["akima", "pchip", "cubic"]),
        default="akima",
        show_default=True,
        help="How curves are interpolated.",
    ),
    click.option(
        "--pareto", is_flag=True, help="Where a curve bends down, use its Pareto front only."
    ),
)
_points = click.option(
    "--points",
    multiple=True,
    metavar="[CODEC=]P,P…",
    help="Operating points, for all codecs or for one.",
)
_comparison = _options(
    click.option(
        "--anchor",
        metavar="CODEC",
        help="Whom to compare with: any codec of the run or the store. "
        "[default: the first one that is a card in anchors/]",
    ),
    _bjontegaard,
    click.option(
        "--incomplete",
        is_flag=True,
        help="Where images are missing, compare on those that every codec has.",
    ),
)
_data = click.option(
    "--data",
    default="toyscapes",
    show_default=True,
    metavar="DATASET",
    help="toyscapes, cityscapes, or a folder of images.",
)
_root = click.option(
    "--root", type=_FOLDER, help="Where Cityscapes is. [default: $CITYSCAPES_DATASET]"
)
_task = click.option(
    "--task",
    "tasks",
    multiple=True,
    metavar="NAME[=WEIGHTS]",
    help="A task network that decoded pictures are shown to; may be repeated; none for none. "
    "[default: the data set's own]",
)
_engine = click.option(
    "--engine",
    type=click.Choice(["bench", "detectron2"]),
    default="bench",
    show_default=True,
    help="Whose implementation of the network runs.",
)
_weights = click.option(
    "--weights", type=_FILE, metavar="FILE", help="A learned codec's weights, instead of a set's."
)
_jobs = click.option(
    "--jobs", type=click.IntRange(min=1), help="Operations at once. [default: one per core]"
)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="bench run --codec vvenc-medium --codec x265 --limit 20  is a first thing to try.",
)
@click.version_option(package_name="bench", message="bench %(version)s")
def cli() -> None:
    """How many bits does one image codec save over another, at equal quality?"""


@cli.command()
@click.option(
    "--codec", "codecs", multiple=True, required=True, metavar="CODEC",
    help="A codec of 'bench list' or a card's path; may be repeated.",
)  # fmt: skip
@_data
@_root
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="The first N images only.")
@_points
@_metric
@_task
@_engine
@click.option(
    "--truth",
    type=click.Choice(["labels", "pseudo"]),
    default="labels",
    show_default=True,
    help="What detections are held to; pseudo: the network's own on the uncompressed images.",
)
@click.option(
    "--truth-score",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="The least score of a detection that is pseudo truth.",
)
@_comparison
@_jobs
@click.option("--shard", metavar="I/N", help="Every Nth image from the Ith, for a job array.")
@click.option("--save-decoded", type=_FOLDER, help="Write each decoded picture there, as PNG.")
@_results
def run(codecs: tuple[str, ...], metrics: tuple[str, ...], method: Method, **options: Any) -> int:
    """Code, measure and compare; what the store has is not done again."""
    from bench import api
    from bench.progress import following, outcome_line

    with following(_stderr()) as watcher:
        made = api.run(codecs, metrics=metrics or None, method=method, watcher=watcher, **options)
    assert made.outcome is not None
    click.echo(f"{outcome_line(made.outcome)}\n", err=True)
    _print_report(made, options["results"] / "report")
    return 1 if made.outcome.failures else 0


@cli.command()
@click.argument("spec", required=False)
@click.option("--codec", "codecs", multiple=True, metavar="CODEC", help="[default: all there are]")
@click.option("--data", metavar="DATASET", help="[default: the one run last]")
@_root
@_points
@_metric
@click.option(
    "--task", "tasks", multiple=True, metavar="NAME", help="A task; none for none. [default: all]"
)
@_comparison
@click.option(
    "--out", type=_FOLDER, help="Where files go. [default: report/ or SPEC/ in the store]"
)
@click.option(
    "--html", is_flag=True, help="Also a page to explore, report.html; its pictures are decoded."
)
@_results
def report(
    spec: str | None,
    codecs: tuple[str, ...],
    metrics: tuple[str, ...],
    **options: Any,
) -> None:
    """Tables and curves of what the store holds; nothing is coded or measured anew.

    With SPEC, which is "paper" or a TOML file such as reports/paper.toml, its figures and tables,
    for print.
    """
    from bench import api
    from bench.progress import following

    if spec is not None:
        _report_by(spec, codecs=codecs, metrics=metrics, **options)
        return
    with following(_stderr()) as watcher:
        made = api.report(
            codecs=codecs or None,
            metrics=metrics or None,
            progress=watcher.preparing,
            **options,
        )
    folder = options["out"] or options["results"] / "report"
    _print_report(made, folder)
    if options["html"]:
        click.echo(f"Page: {folder / 'report.html'}")


def _report_by(spec: str, **options: Any) -> None:
    from bench import api
    from bench.screens import spec_report_screen

    its_own = ("codecs", "points", "metrics", "tasks", "anchor", "incomplete", "html")
    if said := [name for name in its_own if options.pop(name)]:
        raise click.UsageError(f"--{said[0].removesuffix('s')}: the SPEC says that itself.")
    _stdout().print(spec_report_screen(api.report_by(spec, **options)), crop=False)


@cli.command()
@click.argument("baseline", metavar="BASELINE", type=_FILE)
@click.option("--record", is_flag=True, help="Write down what the codecs give now, beside it.")
@click.option(
    "--rule", "rules", multiple=True, metavar="RULE", help="Instead of its own; may be repeated."
)
@_root
@_jobs
@click.option("--markdown", type=_FILE, metavar="FILE", help="Write the verdicts there, too.")
@click.option("--junit", type=_FILE, metavar="FILE", help="Write them there as JUnit's XML.")
@_results
def check(
    baseline: Path, record: bool, markdown: Path | None, junit: Path | None, **options: Any
) -> int:
    """Fail if codecs have regressed since BASELINE, a TOML file, was recorded.

    Its status is 0 if all rules are kept, 1 if one is broken, and 2 if of one nothing is known. A
    rule is a sentence, as in docs/gate.md: "bpp of x265: within 0.0001 %".
    """
    from bench import api
    from bench.errors import BenchError
    from bench.gate import ci
    from bench.gate.screen import check_screen
    from bench.progress import following

    if record and options["rules"]:
        raise click.UsageError("--record writes down what BASELINE's own rules need: no --rule.")
    on_github = os.environ.get("GITHUB_ACTIONS") == "true"
    try:
        with following(_stderr()) as watcher:
            if record:
                del options["rules"]
                made = api.record(baseline, watcher=watcher, **options)
            else:
                made = api.check(baseline, watcher=watcher, **options)
        _stdout().print(check_screen(made))
        if record:
            click.echo(f"\nRecorded: {baseline.with_suffix('.jsonl')}")
        if on_github:
            for line in ci.github_errors(made):
                click.echo(line)
        if markdown:
            ci.write_markdown(made, markdown)
        if junit:
            ci.write_junit(made, junit)
        if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            ci.add_to_summary(made, Path(summary))
    except (BenchError, OSError) as error:
        if on_github:
            click.echo(ci.github_error(baseline, str(error)))
        click.echo(f"bench: {error}", err=True)
        return 2
    return made.status


@cli.command()
@click.argument("anchor", metavar="ANCHOR")
@click.argument("test", metavar="TEST")
@click.option("--metric", metavar="COLUMN", help="The quality's column.")
@click.option("--test-metric", metavar="COLUMN", help="In TEST, where it is called otherwise.")
@click.option("--rate", metavar="COLUMN", help="The rate's column.")
@click.option("--test-rate", metavar="COLUMN", help="In TEST, where it is called otherwise.")
@_bjontegaard
def bd(anchor: str, test: str, **options: Any) -> int:
    """Bjøntegaard figures of TEST against ANCHOR, each FILE or FILE:CODEC, CSV or JSON.

    CompressAI's results are read as they are.
    """
    from bench import api
    from bench.report.tables import difference

    found = api.bd(anchor, test, **options)
    _stdout().print(difference(found))
    return 1 if found.rate.reason else 0


@cli.command()
@click.option("--out", type=_FILE, required=True, help="FILE.csv, FILE.parquet or FILE.json.")
@click.option("--means", is_flag=True, help="Means at each point instead of records per image.")
@click.option("--codec", "codecs", multiple=True, metavar="CODEC", help="[default: all there are]")
@click.option("--data", metavar="DATASET", help="[default: the one run last]")
@_points
@_results
def export(out: Path, codecs: tuple[str, ...], **options: Any) -> None:
    """Write what the store holds as CSV, Parquet or CompressAI-style JSON."""
    from bench import api

    table = api.export(out, codecs=codecs or None, **options)
    click.echo(f"{out}: {len(table)} rows of {table['dataset'].iloc[0]}")


@cli.command("import")
@click.argument("folder", type=_FOLDER)
@click.option("--codec", required=True, metavar="CODEC", help="Whose bitstreams they are.")
@click.option("--point", required=True, help="The operating point that they were coded at.")
@_data
@_root
@_metric
@_jobs
@_results
def import_(folder: Path, codec: str, point: str, metrics: tuple[str, ...], **options: Any) -> int:
    """Adopt the bitstreams in FOLDER, each named after its image, by decoding them."""
    from bench import api
    from bench.progress import following

    with following(_stderr()) as watcher:
        outcome = api.import_streams(
            folder, codec, point, metrics=metrics or None, watcher=watcher, **options
        )
    for operation, reason in outcome.failures:
        click.echo(f"{operation.made_elsewhere}: {reason}", err=True)
    click.echo(f"{outcome.done.total()} bitstreams adopted, {len(outcome.failures)} refused")
    return 1 if outcome.failures else 0


@cli.command()
@click.argument("image", type=_FILE)
@click.argument("file", type=_FILE)
@click.option("--codec", required=True, metavar="CODEC")
@click.option("--point", help="[default: the middle one of the card's]")
@_weights
@click.option(
    "--dump", type=_FILE, metavar="FILE.npz", help="Write what a learned encoder makes, as arrays."
)
@click.option(
    "--save-mask", type=_FILE, metavar="FILE.png", help="Write where an LSMnet masks, as a picture."
)
def encode(image: Path, file: Path, codec: str, point: str | None, **options: Any) -> None:
    """Code IMAGE to the bitstream FILE."""
    from bench import api

    coded = api.encode(image, file, codec, point, **options)
    click.echo(
        f"{file}: {coded.bytes} bytes, {coded.bpp:.4f} bpp, {coded.codec} at {coded.point}, "
        f"{coded.cost.cpu:.2f} CPU s"
    )


@cli.command()
@click.argument("file", type=_FILE)
@click.argument("image", type=_FILE)
@click.option("--codec", metavar="CODEC", help="Needed where the stream does not say whose it is.")
@_weights
def decode(file: Path, image: Path, codec: str | None, weights: Path | None) -> None:
    """Decode the bitstream FILE to IMAGE, a PNG."""
    from bench import api

    coded = api.decode(file, image, codec, weights=weights)
    click.echo(
        f"{image}: {coded.width}x{coded.height}, decoded by {coded.codec}, "
        f"{coded.cost.cpu:.2f} CPU s"
    )


@cli.command()
@click.argument("predictions", type=_FOLDER)
@_root
@click.option(
    "--split",
    type=click.Choice(["val", "train"]),
    default="val",
    show_default=True,
    help="Whose images are scored.",
)
@click.option("--json", "file", type=_FILE, metavar="FILE", help="Write all figures there, too.")
def score(predictions: Path, root: Path | None, split: str, file: Path | None) -> None:
    """AP, AP50 and wAP of the Cityscapes prediction files in PREDICTIONS.

    For each image IMAGE*.txt, at any depth, with a line MASK.png LABEL SCORE for each instance.
    """
    from bench import api
    from bench.progress import following
    from bench.screens import score_screen

    with following(_stderr()) as watcher:
        found = api.score(predictions, root=root, split=split, progress=watcher.preparing)
    if file is not None:
        api.write_score(found, file)
    _stdout().print(score_screen(found), crop=False)


def _seconds(text: str | None) -> float:
    """``90s``, ``8m`` or ``2h``."""
    if text is None:
        return math.inf
    number, unit = text[:-1], text[-1:]
    try:
        return float(number) * {"s": 1, "m": 60, "h": 3600}[unit]
    except (ValueError, KeyError):
        raise click.BadParameter(f"{text!r}: say how long, as in 90s, 8m or 2h") from None


@cli.command()
@click.argument("name", required=False)
@click.option("--zoo", metavar="SET", help="All that has a recipe for SET, such as toyscapes.")
@click.option("--out", type=_FOLDER, help="Where it is kept. [default: bench-training/NAME]")
@click.option("--data", metavar="DATA", help="Learn from another data set, or a folder of images.")
@click.option("--root", type=_FOLDER, help="Where a data set is, or is to be rendered.")
@click.option("--steps", type=click.IntRange(1), help="Take so many for each file, not all.")
@click.option("--max-time", metavar="TIME", help="Stop after 90s, 8m, 2h …; to be gone on with.")
def train(
    name: str | None, zoo: str | None, out: Path | None, max_time: str | None, **options: Any
) -> None:
    """Make the weights of a network (mask-rcnn-toy) or codec (ncn-task:toyscapes).

    What was stopped goes on with the same command. On several GPUs:
    torchrun --nproc-per-node 8 -m bench train NAME.
    """
    from bench import api
    from bench.progress import following_training
    from bench.screens import training_screen

    if (name is None) == (zoo is None):
        raise click.UsageError("Say what to train, NAME or --zoo SET.")
    ends = time.monotonic() + _seconds(max_time)
    for each in [name] if name else api.zoo(str(zoo)):
        folder = out if out and name else api.training_folder(each, *([out] if out else []))
        with following_training(_stderr(), each) as (preparing, watch):
            trained = api.train(
                each,
                folder,
                most_seconds=ends - time.monotonic(),
                preparing=preparing,
                watch=watch,
                **options,
            )
        _stdout().print(training_screen(trained), crop=False)
        if not trained.whole:
            break


@cli.command()
@click.argument("images", metavar="IMAGE…", type=_PATH, nargs=-1, required=True)
@click.option(
    "--task",
    default="mask-rcnn-toy",
    show_default=True,
    metavar="NAME[=WEIGHTS]",
    help="The task network: one of 'bench list'.",
)
@click.option("--weights", type=_PATH, metavar="FILE", help="The same as --task NAME=FILE.")
@_engine
@click.option("--json", type=_FILE, metavar="FILE", help="Write all that is found there.")
@click.option(
    "--out", type=_PATH, metavar="DIR", help="Draw what is found into a PNG there for each image."
)
@click.option(
    "--least-score",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="The least score of what is drawn; it is for pictures only.",
)
def predict(images: tuple[Path, ...], **options: Any) -> int:
    """What a task network finds in each IMAGE: printed, or written as JSON or as pictures.

    In JSON are class, score, box (x0, y0, x1, y1 in pixels) and mask (COCO's run lengths) of each.
    """
    from bench import api
    from bench.progress import following
    from bench.screens import predict_screen

    with following(_stderr()) as watcher:
        found = api.predict(images, progress=watcher.preparing, **options)
    if options["json"] is None and options["out"] is None:
        _stdout().print(predict_screen(found), crop=False)
    for reason in found.failures:
        click.echo(f"bench: {reason}", err=True)
    return 1 if found.failures else 0


@cli.command("list")
def list_() -> None:
    """Codecs, datasets, tasks and metrics, and whether each can run here."""
    from bench import api
    from bench.screens import list_screen

    screen = list_screen(api.codecs(), api.datasets(), api.tasks(), api.metrics())
    _stdout().print(screen, crop=False)


@cli.command()
@click.argument("codec")
@click.option("--point", help="Whose commands to show. [default: the middle one of the card's]")
def show(codec: str, point: str | None) -> None:
    """A codec's card, points, fingerprint and the exact commands that it runs."""
    from bench import api
    from bench.screens import show_screen

    _stdout().print(show_screen(api.show(codec, point)), crop=False)


@cli.command()
def doctor() -> int:
    """What this machine has, and what to do about what it lacks."""
    from bench import api
    from bench.screens import doctor_screen

    checks = api.doctor()
    _stdout().print(doctor_screen(checks), crop=False)
    return 1 if any(check.ok is False for check in checks) else 0


def _print_report(made: Report, folder: Path) -> None:
    from bench.report.tables import terminal

    console = _stdout()
    console.print(terminal(made))
    console.print(f"\nCurves and tables: {folder}", highlight=False, soft_wrap=True)


def _stdout() -> Any:
    return _console(stderr=False)


def _stderr() -> Any:
    return _console(stderr=True)


def _console(*, stderr: bool) -> Any:
    """Silent for all but the first of several processes."""
    from rich.console import Console

    quiet = os.environ.get("RANK", "0") != "0"
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, quiet=quiet)
