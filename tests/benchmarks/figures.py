"""What the benchmarks share: their smallest size, and how their figures are printed."""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Mapping, Sequence


def options_of(parser: argparse.ArgumentParser, **smallest: object) -> argparse.Namespace:
    """A benchmark's options; with ``--smallest`` these, which only show that it runs."""
    parser.add_argument("--smallest", action="store_true", help="only to see that it runs")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    options = parser.parse_args()
    if options.smallest:
        vars(options).update(smallest)
    return options


def print_figures(figures: Mapping[str, str], options: argparse.Namespace) -> None:
    """Each figure by its name, with its unit."""
    if options.json:
        print(json.dumps(figures))
        return
    width = max(map(len, figures))
    for name, figure in figures.items():
        print(f"{name:<{width}}  {figure}")


def spread(values: Sequence[float]) -> str:
    """The median, and the least and the most."""
    return f"{statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"
