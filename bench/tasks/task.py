"""Task networks by name, with their weights.

Nothing here imports torch until a picture is looked at: what is in the store already is reported
without it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bench.datasets.cityscapes_labels import CLASSES, LABEL_IDS
from bench.errors import DataError, UnavailableError
from bench.images.colour import Pixels
from bench.instances.predictions import Finds
from bench.instances.pseudo_truth import Prediction
from bench.runtime.cache import file_digest
from bench.runtime.finding import Described
from bench.runtime.lanes import devices
from bench.runtime.registry import Registry
from bench.runtime.settings import home_path
from bench.runtime.text import listed
from bench.tasks.networks import (
    COCO_NETWORK,
    DEFAULTS,
    NETWORKS,
    Finder,
    Known,
    RegionDetector,
    Torchvision,
    one_by_one,
)
from bench.tasks.torchvision_names import TORCHVISION, check_detector
from bench.vision import SHIPPED_WEIGHTS
from bench.vision.coco_classes import COCO

if TYPE_CHECKING:
    from bench.vision.detector import Detector

ENGINES = ("bench", "detectron2")
ALL, NONE = "all", "none"  # words of --task that are not names
# Changes whenever the same network would give other detections in the same picture.
_VERSION = "1"


class Task(Protocol):
    """A network that finds something in a picture, in classes of its own.

    What it finds may only change together with its ``fingerprint``. ``predict`` is called from
    several threads.
    """

    name: str
    title: str
    finds: Finds
    classes: tuple[str, ...]
    fingerprint: str

    def predict(self, pixels: Pixels) -> Prediction: ...


class _Foreign(Described):
    """A network of another package, described without loading it."""

    variable = None

    def __init__(self, name: str) -> None:
        self.name = self.title = name

    def facts(self) -> Mapping[str, str]:
        return {"from": f"package {TASKS.package(self.name)}"}


_KNOWN = {known.name: known for known in NETWORKS}
Maker = Callable[[Path | None], Task]
"""Makes a task from the file of its weights, or from none."""
TASKS: Registry[Known | Maker] = Registry(
    "task",
    _KNOWN,
    "bench.tasks",
    "what makes a task when it is called",
    lambda name, maker: callable(maker),
)


def open_tasks(
    given: Sequence[str | Task], kind: str, engine: str = "bench"
) -> tuple[dict[str, Task], str]:
    """The tasks by what ``--task`` names, or a data set's default; and why there is none, if so.

    One that is given as an object is found by its own name.
    """
    objects = _by_name([each for each in given if not isinstance(each, str)])
    words = list(dict.fromkeys(each if isinstance(each, str) else each.name for each in given))
    _check_reserved(words)
    if words == [NONE]:
        return {}, ""
    if NONE in words:
        raise DataError("--task none: not allowed with other tasks")
    remark = ""
    if ALL in words:
        ours, remark = _networks_for(kind)
        place = words.index(ALL)
        words = list(dict.fromkeys([*words[:place], *ours, *words[place + 1 :]]))
    if not words:
        name = DEFAULTS.get(kind)
        if name is None:
            return {}, ""
        if why := described_task(name).missing():
            return {}, f"no task: {name} has {why}"
        words = [name]
    tasks = {word: objects.get(word) or open_task(word, engine) for word in words}
    names = [(task.name, measure_in(word)) for word, task in tasks.items()]
    if len(set(names)) < len(names):
        raise DataError("--task: the same network twice; a run uses one file of weights for each")
    return tasks, remark


def _networks_for(kind: str) -> tuple[list[str], str]:
    """The networks trained for a kind of data set whose weights are here, and which are not."""
    lacking = {known.name: known.missing() for known in NETWORKS if known.data == kind}
    here = [name for name, missing in lacking.items() if not missing]
    absent = [name for name in lacking if name not in here]
    if not lacking:
        raise DataError(f"--task all: no network is trained for {kind}; name those to run")
    if not here:
        advice = "'bench list' says how to get them"
        raise UnavailableError(f"--task all: no weights of {listed(absent)}; {advice}")
    return here, f"--task all: without {listed(absent)}, no weights" if absent else ""


def _check_reserved(words: Sequence[str]) -> None:
    """Raise an error if another package calls a task by a word that means something else."""
    for word in {ALL, NONE}.intersection(words):
        if word in TASKS:
            raise UnavailableError(
                f"task '{word}' of {TASKS.package(word)}: --task {word} means something else; "
                "it must be renamed"
            )


def measure_in(given: str) -> str:
    """The measure that ``NAME:MEASURE=WEIGHTS`` names; empty if it names none."""
    return _name_and_measure(given.partition("=")[0])[1]


def is_reopened(given: str) -> bool:
    """Whether ``open_task`` finds it by its name alone, in any process."""
    return given.partition("=")[0].partition(":")[0] in (*TASKS, TORCHVISION)


def _name_and_measure(words: str) -> tuple[str, str]:
    """Of ``NAME:MEASURE`` or ``torchvision:NAME:MEASURE``."""
    prefix = f"{TORCHVISION}:" if words.startswith(f"{TORCHVISION}:") else ""
    name, _, measure = words.removeprefix(prefix).partition(":")
    return prefix + name, measure


def open_task(given: str, engine: str = "bench") -> Task:
    """``NAME`` or ``NAME=WEIGHTS``, perhaps with a measure, which is not opened here.

    A name that ends in ``.toml`` is the path of a card, ``torchvision:NAME`` one of its detectors.
    """
    words, equals, file = given.partition("=")
    name, _ = _name_and_measure(words)
    if engine not in ENGINES:
        raise DataError(f"unknown --engine {engine}; known: {', '.join(ENGINES)}")
    if engine == "detectron2" and name not in ("mask-rcnn", "faster-rcnn"):
        raise DataError(f"--engine detectron2 runs mask-rcnn and faster-rcnn, not {name}")
    if name.endswith(".toml"):
        from bench.tasks.onnx_network import OnnxNetwork

        card = home_path(name, "--task")
        return OnnxNetwork(card, home_path(file, f"--task {name}") if equals else None)
    if name.partition(":")[0] == TORCHVISION:
        return _of_torchvision(name.partition(":")[2], file)
    known = TASKS[name]
    if not isinstance(known, Known):
        return _third_party(name, known, file or None)
    weights = home_path(file, f"--task {name}") if equals else known.weights()
    if weights is None or (not equals and not weights.is_file()):
        raise UnavailableError(f"--task {name}: {known.missing()}")
    if not weights.is_file():
        raise DataError(f"--task {given}: no such file of weights")
    return _Network(known, weights, engine)


def _of_torchvision(name: str, file: str) -> Task:
    """One of its detectors, with the weights in a file."""
    given = f"--task {TORCHVISION}:{name}"
    title, installed = check_detector(name, given)
    if not file:
        raise DataError(f"{given}: no weights; {given}=FILE names their file")
    weights = home_path(file, given)
    if not weights.is_file():
        raise DataError(f"{given}={file}: no such file of weights")
    architecture = replace(COCO_NETWORK, masks=name.startswith("mask"))
    known = Torchvision(name, title, COCO, architecture=architecture)
    return _Network(known, weights, f"{TORCHVISION} {installed}")


def task_network(name: str) -> Detector:
    """One of bench's own networks, frozen, for the loss of a training."""
    import torch

    from bench.vision.checkpoint import load_network

    networks = {known.name: known for known in NETWORKS if isinstance(known, RegionDetector)}
    known = networks.get(name)
    if known is None:
        raise DataError(f"unknown network '{name}'; known: {', '.join(networks)}")
    if why := known.missing():
        raise UnavailableError(f"{name}: {why}")
    weights = known.weights()
    assert weights is not None
    return load_network(weights, known.architecture, torch.device("cpu"))


def is_shipped(name: str) -> bool:
    """Whether a network's weights come with bench."""
    return (SHIPPED_WEIGHTS / f"{name}.safetensors").is_file()


def described_task(name: str) -> Known | _Foreign:
    """The description of a task; nothing is loaded for it."""
    TASKS.check(name)
    return _KNOWN.get(name) or _Foreign(name)


def _third_party(name: str, make: Maker, weights: str | None) -> Task:
    """A network of another package."""
    with TASKS.called(name):
        made = make(home_path(weights, f"--task {name}") if weights else None)
    if (lacking := _lacking(made)) is not None:
        raise UnavailableError(f"--task {name}: its package's object has no '{lacking}'")
    return made


def _by_name(objects: Sequence[Task]) -> dict[str, Task]:
    """Tasks that are given as objects."""
    found: dict[str, Task] = {}
    for each in objects:
        if (lacking := _lacking(each)) is not None:
            raise DataError(f"the task {each!r} has no '{lacking}'")
        if each.name in (ALL, NONE):
            raise DataError(f"a task cannot be called '{each.name}'; rename it")
        if each.name in TASKS or found.setdefault(each.name, each) is not each:
            raise DataError(f"two tasks are called '{each.name}'; rename one")
    return found


def _lacking(made: Task) -> str | None:
    """What an object lacks to be a task."""
    parts = ("name", "title", "finds", "classes", "fingerprint", "predict")
    return next((part for part in parts if not hasattr(made, part)), None)


class _Network:
    """One of bench's networks, or Detectron2's with the same weights; loaded on first use."""

    def __init__(self, known: Known, weights: Path, engine: str) -> None:
        self.name, self.title, self.finds = known.name, known.title, known.finds
        self.classes = known.classes
        self.label_ids = LABEL_IDS if known.classes == CLASSES else {}
        self._known = known
        self._weights, self._engine = weights.resolve(), engine
        self._digest = file_digest(self._weights)
        self.fingerprint = f"{self.name} {engine} {_VERSION} {self._digest}"
        self._loading = threading.Lock()
        self._find: Finder | None = None

    def predict(self, pixels: Pixels) -> Prediction:
        with self._loading:
            if self._find is None:
                self._find = _load(self._known, self._weights, self._digest, self._engine)
        return self._find(pixels)


def _load(known: Known, weights: Path, digest: str, engine: str) -> Finder:
    """The network as a function that threads share."""
    from bench.runtime.torch_threads import one_thread

    on = devices()
    if engine == "detectron2":
        from bench.tasks.detectron2_engine import detectron2_finder

        masks = known.finds == "masks"
        find = one_by_one(detectron2_finder(weights, on[0], known.classes, digest, masks=masks))
    else:
        find = known.load(weights, on, digest)
    # Images are looked at side by side, one on each core.
    return one_thread()(find) if on[0].type == "cpu" else find
