"""Build the sdist, the wheel from it, install that, and run the sdist's tests away from a checkout.

It installs into the Python that it runs by: ``tox -e wheel`` gives it one of its own.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path


def main(folder: Path, pytest_arguments: list[str]) -> int:
    """The status of pytest."""
    shutil.rmtree(folder, ignore_errors=True)
    run("build", "--outdir", str(folder))
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    run("pip", "install", "--force-reinstall", "--no-deps", str(wheel))
    run("pip", "install", f"{wheel}[parquet,training]")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    unpacked = folder / sdist.name.removesuffix(".tar.gz")
    shutil.rmtree(unpacked / "bench")  # what is installed is imported, or nothing
    tests = [sys.executable, "-m", "pytest", *pytest_arguments]
    return subprocess.run(tests, cwd=unpacked).returncode


def run(*module_and_arguments: str) -> None:
    subprocess.run([sys.executable, "-m", *module_and_arguments], check=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
