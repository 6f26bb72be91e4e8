"""The provenance of results, in lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bench import __version__
from bench.store import Results


def provenance(results: Results) -> Iterator[str]:
    """The data set, dates, networks, commands and machines."""
    streams = [stream for codec in results.codecs for stream in codec.provenance.values()]
    dates = sorted(finished[:10] for _, finished, _ in streams)
    runs = sorted({run for *_, run in streams}, key=lambda run: run.started)
    kind = results.kind if results.version is None else f"{results.kind}, version {results.version}"
    yield f"data set: {results.dataset} ({kind}), digest {results.digest[:12]}"
    if dates:
        yield f"coded: {dates[0]}" + (f" to {dates[-1]}" if dates[-1] != dates[0] else "")
    for task in results.tasks:
        yield f"task {task.name}: {task.title}, fingerprint {task.fingerprint[:12]}"
    for command in dict.fromkeys(run.command for run in runs):
        yield f"by: {command}"
    for machine in dict.fromkeys(_described(run.machine) for run in runs):
        yield f"on: {machine}"
    yield f"reported by: bench {__version__}"


def _described(machine: Mapping[str, str]) -> str:
    """The hardware and the versions; the machine's own name is in the records."""
    hardware = f"{machine['processor']}, {machine['system']}"
    versions = (
        f"{name} {version}"
        for name, version in machine.items()
        if name not in ("name", "processor", "system")
    )
    return f"{hardware}; {', '.join(versions)}"
