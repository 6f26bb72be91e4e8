"""The user's settings: paths in environment variables or in the configuration file."""

from __future__ import annotations

import functools
import os
import tomllib
from pathlib import Path

import platformdirs

from bench.errors import BenchError


def settings_path() -> Path:
    """The user's configuration file; BENCH_CONFIG overrides the system's path."""
    named = os.environ.get("BENCH_CONFIG")
    return Path(named) if named else Path(platformdirs.user_config_dir("bench")) / "config.toml"


@functools.cache
def _configured(path: Path) -> dict[str, str]:
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:  # of the text, or of TOML
        raise BenchError(f"{path}: cannot be read: {error}") from error
    paths = content.get("paths", {})
    if not isinstance(paths, dict) or not all(isinstance(v, str) for v in paths.values()):
        raise BenchError(f'{path}: [paths] must hold names and folders, such as vtm = "/opt/vtm"')
    return paths


def user_path(variable: str) -> Path | None:
    """A folder named by an environment variable, or by the configuration file.

    BENCH_VTM is ``vtm`` in the file's ``[paths]`` table, CITYSCAPES_DATASET ``cityscapes``.
    """
    named = os.environ.get(variable)
    if not named:
        key = variable.removeprefix("BENCH_").removesuffix("_DATASET").lower()
        named = _configured(settings_path()).get(key)
    return home_path(named, variable) if named else None


def home_path(path: str, source: str) -> Path:
    """A path that may begin with ``~``; ``source`` names where it was given."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise BenchError(f"{source}: {path}: unknown user's home folder") from error
