"""Reports of a check for CI: Markdown, GitHub's annotations, and JUnit XML."""

from __future__ import annotations

import os
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from xml.etree import ElementTree

from bench.gate.formatting import EXPLAINED, HEADINGS, figures, summary, title
from bench.gate.verdicts import BROKEN, Check, Verdict
from bench.report.markdown import bullets, plain, table
from bench.runtime.files import describe_write_errors, write_text
from bench.runtime.text import one_line

_SIGNS = {
    "pass": "✅ pass",
    "regression": "❌ regression",
    "changed": "❌ changed",
    "inconclusive": "❓ inconclusive",
}


def markdown(check: Check) -> str:
    """A page for a job's summary or a comment."""
    rows = [(_SIGNS[v.outcome], v.rule.text, v.where, *figures(v)) for v in check.verdicts]
    parts = [
        f"### {plain(title(check))}: {summary(check)}",
        table([("", "rule", "at", *HEADINGS), *rows]),
    ]
    reasons = [f"{v.rule.text}: {one_line(v.why)}" for v in check.verdicts if v.why]
    if reasons or check.notes:
        parts.append(bullets([*reasons, *check.notes]))
    return "\n\n".join([*parts, EXPLAINED]) + "\n"


def github_errors(check: Check) -> Iterator[str]:
    """Each rule that does not pass, as an annotation that GitHub shows at the rule's line."""
    for verdict in check.verdicts:
        if verdict.outcome != "pass":
            line = _line_of(verdict.rule.text, check.baseline)
            place = _file(check.baseline) + (f",line={line}" if line else "")
            yield (
                f"::error {place},title={_property(f'bench check: {verdict.outcome}')}"
                f"::{_data(_in_a_line(verdict))}"
            )


def github_error(baseline: Path, words: str) -> str:
    """An annotation for a baseline that cannot be read."""
    return f"::error {_file(baseline)},title=bench check::{_data(words)}"


def write_junit(check: Check, path: Path) -> None:
    """A test case for each rule; an inconclusive one is an error, not a skipped test."""
    suites = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(
        suites,
        "testsuite",
        name="bench check",
        tests=str(len(check.verdicts)),
        failures=str(sum(map(check.count, BROKEN))),
        errors=str(check.count("inconclusive")),
        skipped="0",
    )
    for verdict in check.verdicts:
        case = ElementTree.SubElement(
            suite, "testcase", classname=check.baseline.stem, name=one_line(verdict.rule.text)
        )
        if verdict.outcome != "pass":
            kind = "failure" if verdict.outcome in BROKEN else "error"
            message = _in_a_line(verdict)
            ElementTree.SubElement(case, kind, message=message, type=verdict.outcome).text = message
        if isfinite(verdict.change):
            ElementTree.SubElement(case, "system-out").text = _numbers(verdict)
    ElementTree.indent(suites)
    text = ElementTree.tostring(suites, "utf-8", xml_declaration=True).decode() + "\n"
    write_text(path, text)


def write_markdown(check: Check, path: Path) -> None:
    write_text(path, markdown(check))


def add_to_summary(check: Check, path: Path) -> None:
    """Append to GitHub's summary of the job, which all steps share."""
    with describe_write_errors(path), path.open("a", encoding="utf-8") as file:
        file.write(markdown(check) + "\n")


def _in_a_line(verdict: Verdict) -> str:
    numbers = _numbers(verdict) if isfinite(verdict.change) else ""
    return f"{verdict.rule.text}: {'; '.join(filter(None, (one_line(verdict.why), numbers)))}"


def _numbers(verdict: Verdict) -> str:
    named = zip(HEADINGS, figures(verdict), strict=True)
    at = f"at {verdict.where}, " if verdict.where else ""
    return at + ", ".join(f"{heading} {cell}" for heading, cell in named if cell != "–")


def _line_of(rule: str, baseline: Path) -> int | None:
    """The line of a rule in the baseline; None for a rule of the command line."""
    lines = enumerate(baseline.read_text("utf-8").splitlines(), start=1)
    return next((number for number, line in lines if rule in line), None)


def _file(path: Path) -> str:
    """The path relative to the root of the checkout, as GitHub expects."""
    root = Path(os.environ.get("GITHUB_WORKSPACE", "."))
    if path.resolve().is_relative_to(root.resolve()):
        path = path.resolve().relative_to(root.resolve())
    return f"file={_property(path.as_posix())}"


def _data(words: str) -> str:
    return words.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(words: str) -> str:
    return _data(words).replace(":", "%3A").replace(",", "%2C")
