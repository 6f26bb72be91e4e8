"""Training a codec by its card's recipe, one operating point after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from bench.codecs.codec import Card
from bench.codecs.families.ncn.checkpoint import SHARED, load_ncn, save_ncn
from bench.codecs.families.ncn.masking import LSMnet, new_lsm
from bench.codecs.families.ncn.network import NCN
from bench.codecs.weights import beside
from bench.datasets import Dataset
from bench.errors import DataError
from bench.runtime.cache import file_digest
from bench.tasks.task import open_task, task_network
from bench.training.codec_recipe import (
    CodecRecipe,
    JpdSeRecipe,
    read_recipe,
    recipe_of,
    training_data,
)
from bench.training.coding import Coding
from bench.training.crops import Cutting, crops
from bench.training.distortions import Distortion, feature, hvs, task
from bench.training.gains import GainedCoding
from bench.training.jpd_se import train_jpd_se
from bench.training.labels import LabelledBatch
from bench.training.linear_start import begin_linear
from bench.training.loop import Training, check_finished
from bench.training.mask_start import begin_mask
from bench.training.processes import Processes, processes
from bench.training.recipes import not_through_a_task
from bench.training.recurrent import train_recurrent
from bench.training.recurrent_recipe import RecurrentRecipe
from bench.training.schedule import Schedule
from bench.training.session import TrainingSession
from bench.training.starting import codec_to_start_from, weights_to_start_from
from bench.training.validation import VALIDATED, validate
from bench.vision.detector import Detector

_PREFIX = "lambda_"


@dataclass(frozen=True, eq=False)
class _Setting:
    """What the trainings of all λ have in common."""

    card: Card
    recipe: CodecRecipe
    session: TrainingSession
    ours: Processes
    dataset: Dataset
    others: Dataset | None  # to validate with
    network: Detector | None

    def batch(self, schedule: Schedule) -> Callable[[int], LabelledBatch]:
        recipe = self.recipe
        width, height = recipe.crop
        cutting = Cutting(width, height, recipe.loss == "task", recipe.enlarge)
        share = self.ours.share(recipe.batch)
        return partial(crops, self.dataset, cutting, share, schedule.seed)

    def ready(self, coding: Coding) -> Coding:
        coding = coding.to(self.ours.device).train()
        coding.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch takes it
        return coding

    def validated(self, coding: Coding) -> dict[str, float]:
        assert self.others is not None
        return validate(coding.code, self.network, self.others.limited(VALIDATED))


def train_codec(name: str, session: TrainingSession) -> bool:
    """Train a codec's weights by its card's recipe; False if the time ran out."""
    card, recipe = read_recipe(name)
    if session.task is not None:
        if not getattr(recipe, "network", ""):
            raise not_through_a_task(name, session.task)
        recipe = recipe.model_copy(update={"network": session.task})
    data = session.data or training_data(name, recipe)
    if isinstance(recipe, JpdSeRecipe):
        return train_jpd_se(name, recipe, data, session)
    if isinstance(recipe, RecurrentRecipe):
        return train_recurrent(card, recipe, data, session)
    return _train_ncn(card, recipe, data, session)


def _train_ncn(card: Card, recipe: CodecRecipe, data: str, session: TrainingSession) -> bool:
    """Train every λ of a recipe."""
    if session.steps is not None:
        few = {"steps": session.steps, "tune_steps": session.steps}
        recipe = recipe.model_copy(update=few)
    with processes() as ours:
        with ours.in_turn():
            dataset = session.dataset(data)
            others = session.dataset(recipe.validated, data) if recipe.validated else None
        network = task_network(recipe.network).to(ours.device).train() if recipe.network else None
        setting = _Setting(card, recipe, session, ours, dataset, others, network)
        if recipe.gains:
            return _train_together(setting)
        return all(_train_one(setting, point) for point in recipe.lambdas)


def _train_one(setting: _Setting, point: float) -> bool:
    """A network for one λ."""
    recipe, session, ours = setting.recipe, setting.session, setting.ours
    weights = session.folder / _file(point)
    starts = _starts(setting.card, recipe, session.folder, point)
    resume_key = _resume_key(recipe, f"{point:g}", setting.dataset, starts)
    if ours.agreed(weights.is_file()):
        check_finished(weights.with_suffix(""), resume_key)
        return True
    ncn, lsm = _networks(setting.card, recipe, starts, setting.dataset)
    coding = setting.ready(Coding(ncn, lsm, rounds=recipe.rounds))
    schedule = _schedule(recipe, point)
    training = Training(
        coding,
        schedule,
        setting.batch(schedule),
        partial(_losses, coding, _distortion(recipe, setting.network), point, ours.device),
        weights.with_suffix(""),
        ours,
        resume_key,
        partial(setting.validated, coding) if setting.others else None,
    )
    if not session.run(training):
        return False
    if ours.first:
        save_ncn(coding.ncn, coding.lsm, weights, _keeper(recipe, weights))
    ours.wait()
    return True


def _train_together(setting: _Setting) -> bool:
    """One network for all λ, with the gains of each."""
    recipe, session, ours = setting.recipe, setting.session, setting.ours
    files = [session.folder / _file(point) for point in recipe.lambdas]
    shared = session.folder / SHARED
    starts = [_trained(setting.card, recipe, session.folder, SHARED)] if recipe.starts_from else []
    of_others = _gains_beside(starts[0]) if starts else []
    all_lambdas = ", ".join(f"{point:g}" for point in recipe.lambdas)
    resume_key = _resume_key(recipe, all_lambdas, setting.dataset, [*starts, *of_others])
    if ours.agreed(all(path.is_file() for path in (shared, *files))):
        check_finished(shared.with_suffix(""), resume_key)
        return True
    ncn, lsm = _networks(setting.card, recipe, starts, setting.dataset)
    coding = GainedCoding(ncn, lsm, recipe.lambdas, rounds=recipe.rounds)
    if of_others:
        coding.begin_with(of_others)
    coding.hold(gains=recipe.mask_only)
    setting.ready(coding)
    schedule = _schedule(recipe, recipe.lambdas[0])
    places = [at % len(recipe.lambdas) for at in ours.share(recipe.batch)]
    training = Training(
        coding,
        schedule,
        setting.batch(schedule),
        partial(_gained_losses, coding, _distortion(recipe, setting.network), places, ours.device),
        shared.with_suffix(""),
        ours,
        resume_key,
        partial(_validated_at_each, setting, coding) if setting.others else None,
    )
    if not session.run(training):
        return False
    if ours.first:
        coding.save(files, _keeper(recipe, shared))
    ours.wait()
    return True


def _validated_at_each(setting: _Setting, coding: GainedCoding) -> dict[str, float]:
    """Figures of each λ."""
    figures: dict[str, float] = {}
    for place, point in enumerate(coding.lambdas):
        at_point = setting.validated(coding.at(place))
        figures |= {f"{name}, λ {point:g}": value for name, value in at_point.items()}
    return figures


def _gains_beside(shared: Path) -> list[Path]:
    """The files of the λ that share a network, in order of rising λ."""

    def number(path: Path) -> float:
        return float(path.stem.removeprefix(_PREFIX))

    return sorted(shared.parent.glob(f"{_PREFIX}*{shared.suffix}"), key=number)


def _schedule(recipe: CodecRecipe, point: float) -> Schedule:
    steps = recipe.steps if point == recipe.lambdas[0] else recipe.tune_steps
    return Schedule(steps, recipe.batch, recipe.rate, decay=0.0, largest_gradient=1.0)


def _resume_key(recipe: CodecRecipe, point: str, dataset: Dataset, starts: Sequence[Path]) -> str:
    """Everything that determines a λ; data and weights by their digests."""
    judge = open_task(recipe.network).fingerprint if recipe.network else ""
    digests = " ".join(map(file_digest, starts))
    return f"{recipe.resume_key()} λ {point} {dataset.digest} {judge} {digests}"


def _losses(
    coding: Coding, distortion: Distortion, point: float, device: torch.device, batch: LabelledBatch
) -> dict[str, Tensor]:
    batch = batch.to(device)
    x_hat, rate = coding(batch.pictures)
    with torch.autocast(device.type, enabled=False):
        parts = distortion(batch.pictures, x_hat, batch.truth)
    return {**parts, "rate": point * rate}


def _gained_losses(
    coding: GainedCoding,
    distortion: Distortion,
    places: Sequence[int],
    device: torch.device,
    batch: LabelledBatch,
) -> dict[str, Tensor]:
    batch = batch.to(device)
    x_hat, rate = coding.weighted(batch.pictures, places)
    with torch.autocast(device.type, enabled=False):
        parts = distortion(batch.pictures, x_hat, batch.truth)
    return {**parts, "rate": rate}


def _distortion(recipe: CodecRecipe, network: Detector | None) -> Distortion:
    if recipe.loss == "hvs":
        return hvs
    assert network is not None
    return partial(feature if recipe.loss == "feature" else task, network, recipe.enlarge)


def _starts(card: Card, recipe: CodecRecipe, folder: Path, point: float) -> list[Path]:
    """The weights that a λ starts from; if there are two, its NCN is the second's."""
    if point == recipe.lambdas[0]:
        return [_trained(card, recipe, folder)] if recipe.starts_from else []
    own = [_trained(card, recipe, folder, _file(point))] if recipe.mask_only else []
    return [folder / _file(recipe.lambdas[0]), *own]


def _networks(
    card: Card, recipe: CodecRecipe, starts: Sequence[Path], dataset: Dataset
) -> tuple[NCN, LSMnet | None]:
    """The networks to train, with their initial weights."""
    torch.manual_seed(0)
    wanted = NCN(recipe.channels, recipe.widths, recipe.hyper, linear=recipe.linear)
    ncn, lsm = wanted, None
    for path in starts:
        ncn, own_lsm = load_ncn(path)
        lsm = lsm or own_lsm
    if recipe.linear and not starts:
        begin_linear(ncn, dataset)
    if ncn.layout != wanted.layout:
        raise DataError(f"{recipe.starts_from}: {ncn.layout}, not {wanted.layout}")
    if card.options["lsm"] != "none" and lsm is None:
        lsm = new_lsm(recipe.features, recipe.channels, recipe.enlarge)
        if recipe.warm_mask:
            begin_mask(lsm, dataset)
    ncn.requires_grad_(not recipe.mask_only)
    if lsm is not None:
        lsm.features.requires_grad_(False)
        lsm.to_alpha.requires_grad_(True)
    return ncn, lsm


def _trained(card: Card, recipe: CodecRecipe, folder: Path, file: str = "") -> Path:
    """A file, or the first λ's, of the codec to start from, trained beside this one or shipped."""
    other = codec_to_start_from(card, recipe.starts_from)
    return weights_to_start_from(card, other, folder / (file or _file(_lambdas(other)[0])))


def _lambdas(card: Card) -> Sequence[float]:
    recipe = recipe_of(card)
    if not isinstance(recipe, CodecRecipe):
        raise DataError(f"{card.name}: a codec of the family '{card.family}', not an NCN")
    return recipe.lambdas


def _keeper(recipe: CodecRecipe, weights: Path) -> str:
    """The codec beside this one that has the same NCN, if that is not trained."""
    path = beside(weights, recipe.starts_from)
    return recipe.starts_from if recipe.mask_only and path.is_file() else ""


def _file(point: float) -> str:
    return f"{_PREFIX}{point:g}.safetensors"
