"""All that needs a GPU, in at most eight minutes: agreement, precision, speed.

    tests/gpu/run FOLDER [--only NAME ...] [--device cpu --smallest]

Writes ``figures.json`` and ``figures.md`` to the folder, anew after each measurement. Each has a
process and a time limit of its own, so that one that fails, crashes or hangs does not stop the
others. The exit status is 1 if any figure is wrong or missing.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
import traceback
from dataclasses import asdict, dataclass, field
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(TESTS), str(TESTS / "benchmarks")]

from findings import DATA, PICTURES, Findings, LeftOutError, Options  # noqa: E402

from bench.datasets import open_dataset  # noqa: E402
from bench.runtime.machine import this_machine  # noqa: E402

SECONDS = 480
# By name, what is measured, and seconds that it may take of these.
STEPS = {
    "streams": ("agreement:streams", 100),
    "detections": ("agreement:detections", 40),
    "throughput": ("throughput:throughput", 120),
    "precision": ("learning:precision", 90),
    "speed": ("learning:speed", 70),
    "processes": ("learning:processes", 30),
}
# Imported once for all; without a use of CUDA, which no process may inherit.
_SHARED = ["bench.commands.run", "bench.training.codecs"]


@dataclass
class Step:
    """What became of a measurement: passed, wrong, failed or left out."""

    name: str
    status: str
    why: str = ""
    seconds: float = 0.0
    findings: Findings = field(default_factory=Findings)


def measure(what: str, options: Options, file: Path) -> None:
    """Run one measurement, in this process, and write what it found to a file."""
    found, status, why = Findings(), "passed", ""
    module, _, name = what.partition(":")
    try:
        getattr(import_module(module), name)(options, found)
        if found.faults:
            status, why = "wrong", "; ".join(found.faults)
    except LeftOutError as reason:
        status, why = "left out", str(reason)
    except BaseException:
        status, why = "failed", traceback.format_exc()
    file.write_text(json.dumps({"status": status, "why": why, "findings": asdict(found)}))


def guarded(name: str, what: str, options: Options, limit: float) -> Step:
    """One measurement in a process of its own, killed at its limit."""
    options.folder.mkdir(parents=True)
    began, file = time.monotonic(), options.folder / "found.json"
    process = multiprocessing.get_context("forkserver").Process(
        target=measure, args=(what, options, file)
    )
    process.start()
    process.join(max(0.0, limit))
    if process.is_alive():
        process.kill()
        process.join()
        step = Step(name, "failed", f"not finished after {limit:.0f} s")
    elif not file.is_file():
        step = Step(name, "failed", f"its process ended with status {process.exitcode}")
    else:
        result = json.loads(file.read_text())
        step = Step(name, result["status"], result["why"], findings=Findings(**result["findings"]))
    step.seconds = time.monotonic() - began
    return step


def machine(device: str) -> dict[str, str]:
    result = {**this_machine(), "torch": version("torch"), "day": time.strftime("%Y-%m-%d")}
    del result["name"]
    if device == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise SystemExit("torch finds no GPU; --device cpu --smallest shows that all runs")
        result["GPU"] = f"{torch.cuda.device_count()} × {torch.cuda.get_device_name()}"
        result["CUDA"] = str(torch.version.cuda)
    return result


def write(out: Path, about: dict[str, Any], steps: list[Step]) -> None:
    everything = {**about, "steps": [asdict(step) for step in steps]}
    (out / "figures.json").write_text(json.dumps(everything, indent=1))
    (out / "figures.md").write_text("\n".join(_markdown(about, steps)) + "\n")


def _markdown(about: dict[str, Any], steps: list[Step]) -> list[str]:
    machine = ", ".join(f"{name} {value}" for name, value in about["machine"].items())
    size = ", the smallest sizes" if about["smallest"] else ""
    lines = [f"On {about['device']}{size}: {machine}", "", "| measurement | status | seconds |"]
    lines += ["| --- | --- | --- |"]
    lines += [f"| {step.name} | {step.status} | {step.seconds:.0f} |" for step in steps]
    for step in steps:
        lines += ["", f"## {step.name}", ""]
        if step.why:
            lines += ["```", step.why.strip(), "```", ""]
        if step.findings.figures:
            lines += ["| figure | value |", "| --- | --- |"]
            lines += [f"| {name} | {value} |" for name, value in step.findings.figures.items()]
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path, metavar="FOLDER", help="gets figures.json, figures.md")
    parser.add_argument("--only", nargs="+", choices=STEPS, default=list(STEPS), metavar="NAME")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--smallest", action="store_true", help="only to see that it runs")
    given = parser.parse_args()
    ends = time.monotonic() + SECONDS
    if given.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # what bench asks torch for, too
    given.out.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_SHARED)
    about: dict[str, Any] = {"device": given.device, "smallest": given.smallest}
    about["machine"] = machine(given.device)
    print(f"rendering {DATA}", flush=True)
    open_dataset(DATA, limit=1 if given.smallest else PICTURES)
    steps: list[Step] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in given.only:
            what, share = STEPS[name]
            left = ends - time.monotonic()
            options = Options(given.device, given.smallest, given.out.resolve(), Path(folder, name))
            steps.append(guarded(name, what, options, left if given.smallest else min(share, left)))
            print(f"{name}: {steps[-1].status} after {steps[-1].seconds:.0f} s", flush=True)
            write(given.out, about, steps)
    return int(any(step.status in ("wrong", "failed") for step in steps))


if __name__ == "__main__":
    sys.exit(main())
