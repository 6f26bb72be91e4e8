"""Commands for many images: run, report, check, compare, import and export."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.cli import completion, options
from bench.cli.group import cli
from bench.cli.options import FILE, FOLDER, print_screen, say, stderr

if TYPE_CHECKING:
    from bench.report.compare import Report

# The options of a run that a plan does not have.
_NOT_OF_A_PLAN = {
    "anchor",
    "method",
    "pareto",
    "incomplete",
    "between",
    "cluster",
    "trace",
}


@cli.command()
@options.sweep
@options.comparison
@click.option("--save-decoded", type=FOLDER, help="Write each decoded picture there as PNG.")
@click.option(
    "--cluster",
    metavar="WHERE",
    help="Run on a Dask cluster: tcp://HOST:PORT, local:4, slurm:20, pbs, sge, lsf or htcondor.",
)
@click.option(
    "--trace", type=FILE, metavar="FILE", help="Write what each thread did, for ui.perfetto.dev."
)
@click.option("--dry-run", is_flag=True, help="Only print the plan and its cost, as 'bench plan'.")
@options.open_it
@options.results
def run(show_it: bool, dry_run: bool, **options: Any) -> int:
    """Code, measure and compare; what is in the store is not done again."""
    from bench import api
    from bench.cli.progress import progress_watcher

    if dry_run:
        _print_plan(**{name: options[name] for name in options if name not in _NOT_OF_A_PLAN})
        return 0
    with progress_watcher(stderr()) as watcher:
        made = api.run(watcher=watcher, **options)
    say(f"{made.outcome.summary()}\n", err=True)
    _print_report(made, options["results"] / "report", show_it=show_it)
    return 1 if made.outcome.failures else 0


@cli.command()
@options.sweep
@click.option(
    "--probe",
    type=click.IntRange(min=1),
    metavar="N",
    help="Time it on N images first; their results are kept.",
)
@click.option("--slurm", type=FILE, metavar="FILE", help="Write the script of a job array there.")
@options.results
def plan(**options: Any) -> None:
    """Print what a run would do and what that costs, without doing it.

    The cost is estimated from what the store has timed on the same images.
    """
    _print_plan(**options)


def _print_plan(**options: Any) -> None:
    from bench import api
    from bench.cli.plan_screen import estimate_screen
    from bench.cli.progress import progress_watcher

    with progress_watcher(stderr()) as watcher:
        made = api.plan(watcher=watcher, **options)
    print_screen(estimate_screen(made))
    if script := options.get("slurm"):
        say(f"\nJob script: sbatch {script}")


@cli.command()
@click.argument("spec", required=False)
@options.stored_codecs
@options.stored_data
@options.root
@options.points
@options.metrics
@options.repeated("task", "NAME", completion.tasks, "A task; none for none. [default: all]")
@options.comparison
@click.option(
    "--with",
    "published",
    multiple=True,
    metavar="FILE",
    help="Also draw and compare the curves of FILE or FILE:CODEC, CSV or CompressAI's JSON.",
)
@click.option(
    "--out", type=FOLDER, help="The output folder. [default: report/ or SPEC/ in the store]"
)
@click.option(
    "--html",
    is_flag=True,
    help="Also write report.html, an interactive page; its pictures are decoded.",
)
@options.open_it
@options.results
def report(spec: str | None, show_it: bool, **options: Any) -> None:
    """Make tables and curves from the store; nothing is coded or measured.

    With SPEC, which is "paper" or a TOML file such as reports/paper.toml, make its figures and
    tables for print.
    """
    from bench import api
    from bench.cli.progress import progress_watcher

    if spec is not None:
        _report_by(spec, show_it=show_it, **options)
        return
    with progress_watcher(stderr()) as watcher:
        made = api.report(progress=watcher.preparing, **options)
    folder = options["out"] or options["results"] / "report"
    page = folder / "report.html" if options["html"] else None
    _print_report(made, folder, page, show_it=show_it)


def _report_by(spec: str, *, show_it: bool, **options: Any) -> None:
    from bench import api
    from bench.cli.screens import spec_report_screen
    from bench.cli.viewer import show

    of_spec = {"codecs": "codec", "metrics": "metric", "tasks": "task"}
    of_spec |= {name: name for name in ("points", "anchor", "incomplete", "between", "html")}
    of_spec["published"] = "with"
    if given := [of_spec[name] for name in of_spec if options.pop(name)]:
        raise click.UsageError(f"--{given[0]}: not allowed with a SPEC, which defines its content.")
    made = api.report_by(spec, **options)
    print_screen(spec_report_screen(made))
    if show_it:
        show(made.folder)


@cli.command()
@click.argument("baseline", metavar="BASELINE", type=FILE)
@click.option("--record", is_flag=True, help="Record the present results, in the same folder.")
@click.option(
    "--rule", "rules", multiple=True, metavar="RULE", help="Replace its rules; may be repeated."
)
@options.root
@options.jobs
@click.option("--markdown", type=FILE, metavar="FILE", help="Also write the verdicts there.")
@click.option("--junit", type=FILE, metavar="FILE", help="Also write them there as JUnit XML.")
@options.results
def check(
    baseline: Path, record: bool, markdown: Path | None, junit: Path | None, **options: Any
) -> int:
    """Fail if codecs have regressed or changed since BASELINE, a TOML file, was recorded.

    The exit status is 0 if all rules pass, 1 if one is broken, and 2 if one is inconclusive. A
    rule is a sentence, as in docs/gate.md: "bpp of x265: within 0.0001 %".
    """
    from bench import api
    from bench.cli.check_screen import check_screen
    from bench.cli.progress import progress_watcher
    from bench.errors import BenchError
    from bench.gate import ci
    from bench.runtime.files import check_outputs

    if record and options["rules"]:
        raise click.UsageError("--rule: not allowed with --record, which uses BASELINE's rules.")
    on_github = os.environ.get("GITHUB_ACTIONS") == "true"
    try:
        check_outputs((markdown, junit), (baseline, baseline.with_suffix(".jsonl")))
        with progress_watcher(stderr()) as watcher:
            if record:
                del options["rules"]
                made = api.record(baseline, watcher=watcher, **options)
            else:
                made = api.check(baseline, watcher=watcher, **options)
        if markdown:
            ci.write_markdown(made, markdown)
        if junit:
            ci.write_junit(made, junit)
        if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            ci.add_to_summary(made, Path(summary))
        print_screen(check_screen(made))
        if record:
            say(f"\nRecorded: {baseline.with_suffix('.jsonl')}")
        if on_github:
            for line in ci.github_errors(made):
                say(line)
    except (BenchError, OSError) as error:
        if on_github:
            say(ci.github_error(baseline, str(error)))
        say(f"bench: {error}", err=True)
        return 2
    return made.status


@cli.command()
@click.argument("anchor", metavar="ANCHOR")
@click.argument("tests", metavar="TEST...", nargs=-1, required=True)
@click.option("--metric", metavar="COLUMN", help="The column of the quality.")
@click.option("--test-metric", metavar="COLUMN", help="The same in TEST, if its name differs.")
@click.option("--rate", metavar="COLUMN", help="The column of the rate.")
@click.option("--test-rate", metavar="COLUMN", help="The same in TEST, if its name differs.")
@click.option("--out", type=FILE, metavar="FILE", help="Draw the curves: FILE.pdf, .png or .svg.")
@options.bjontegaard
def bd(anchor: str, tests: tuple[str, ...], out: Path | None, **options: Any) -> int:
    """Compute Bjøntegaard figures of each TEST against ANCHOR.

    Each is FILE or FILE:CODEC, of CSV or JSON; result files of CompressAI are read, too.
    """
    from bench import api
    from bench.cli.report_screen import difference

    found = api.bd(anchor, tests, out=out, **options)
    for number, each in enumerate(found):
        if number:
            say("")
        print_screen(difference(each))
    if out:
        say(f"\nPicture: {out}")
    return 1 if any(each.rate.reason for each in found) else 0


@cli.command()
@click.option("--out", type=FILE, required=True, help="FILE.csv, FILE.parquet or FILE.json.")
@click.option("--means", is_flag=True, help="Means at each point instead of records per image.")
@options.stored_codecs
@options.stored_data
@options.points
@options.results
def export(out: Path, **options: Any) -> None:
    """Write the results in the store as CSV, Parquet or CompressAI-style JSON."""
    from bench import api

    table = api.export(out, **options)
    say(f"{out}: {len(table)} rows of {table['dataset'].iloc[0]}")


@cli.command("import")
@click.argument("folder", type=FOLDER)
@options.named("--codec", "CODEC", completion.codecs, "The codec of the bitstreams.", required=True)
@click.option("--point", required=True, help="The operating point of the bitstreams.")
@options.data
@options.root
@options.metrics
@options.jobs
@options.results
def import_(folder: Path, **options: Any) -> int:
    """Import the bitstreams in FOLDER, each named after its image, by decoding them."""
    from bench import api
    from bench.cli.progress import progress_watcher, refused_files

    with progress_watcher(stderr()) as watcher:
        outcome = api.import_streams(folder, watcher=watcher, **options)
    for line in refused_files(outcome):
        say(line, err=True)
    say(f"{outcome.done.total()} bitstreams imported, {len(outcome.failures)} refused")
    return 1 if outcome.failures else 0


def _print_report(
    made: Report, folder: Path, page: Path | None = None, *, show_it: bool = False
) -> None:
    from bench.cli.report_screen import terminal
    from bench.cli.viewer import show
    from bench.report.curves import drawn_metrics

    print_screen(terminal(made))
    picture = folder / "curves.png" if drawn_metrics(made) else None
    say(f"\nReport:  {folder / 'report.md'}, and its tables as CSV")
    if picture:
        say(f"Picture: {picture}")
    explore = "'bench report --html' makes an interactive one"
    say(f"Page:    {page or explore}")
    if show_it:
        show(page or picture or folder / "report.md")
