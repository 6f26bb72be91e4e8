"""Where results come from, in lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bench import __version__
from bench.store import Results


def provenance(results: Results) -> Iterator[str]:
    """Where results come from: data, dates, networks, commands, machines."""
    made = [where for codec in results.codecs for where in codec.provenance.values()]
    dates = sorted(finished[:10] for _, finished, _ in made)
    runs = sorted({run for *_, run in made}, key=lambda run: run.started)
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
    """What a result may depend on; the machine's own name is in the records."""
    hardware = f"{machine['processor']}, {machine['system']}"
    versions = (
        f"{name} {version}"
        for name, version in machine.items()
        if name not in ("name", "processor", "system")
    )
    return f"{hardware}; {', '.join(versions)}"
