"""Training a recurrent codec, for all its iterations at once: L1, or a task network's losses."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from bench.codecs.codec import Card
from bench.codecs.families.neural_stream import RnnStream
from bench.codecs.families.rnn.checkpoint import load_rnn, save_rnn
from bench.codecs.families.rnn.model import RnnModel
from bench.codecs.families.rnn.network import Recurrent
from bench.errors import DataError
from bench.images.colour import Pixels
from bench.runtime.cache import file_digest
from bench.tasks.task import open_task, task_network
from bench.training.crops import Cutting, crops
from bench.training.distortions import task
from bench.training.labels import LabelledBatch
from bench.training.loop import Training, check_finished
from bench.training.processes import processes
from bench.training.recurrent_recipe import RecurrentRecipe
from bench.training.schedule import Schedule
from bench.training.session import TrainingSession
from bench.training.starting import codec_to_start_from, weights_to_start_from
from bench.training.validation import VALIDATED, validate
from bench.vision.detector import Detector

_FILE = "rnn.safetensors"
_GAIN = 1.5  # of first weights: gates halve a signal again and again, and no layer has a bias


def train_recurrent(card: Card, recipe: RecurrentRecipe, data: str, ours: TrainingSession) -> bool:
    """Train the weights of a card's recipe; False if the time ran out."""
    weights = ours.folder / _FILE
    schedule = ours.schedule(_schedule(recipe))
    width, height = recipe.crop
    cutting = Cutting(width, height, bool(recipe.network), recipe.enlarge)
    with processes() as group:
        with group.in_turn():
            dataset = ours.dataset(data, limit=recipe.pictures)
            others = ours.dataset(recipe.validated, data, VALIDATED) if recipe.validated else None
        # Frozen, and as it is when it detects.
        network = task_network(recipe.network).to(group.device).eval() if recipe.network else None
        recurrent, start = _first_weights(card, recipe, ours)
        recurrent.to(group.device).train()
        judge = open_task(recipe.network).fingerprint if recipe.network else ""
        resume_key = f"{recipe.resume_key()} {dataset.digest} {judge} {start}"
        if group.agreed(weights.is_file()):
            check_finished(weights.with_suffix(""), resume_key)
            return True
        training = Training(
            recurrent,
            schedule,
            partial(crops, dataset, cutting, group.share(recipe.batch), schedule.seed),
            lambda batch: losses(recurrent, recipe, network, batch.to(group.device)),
            weights.with_suffix(""),
            group,
            resume_key,
            partial(
                validate,
                partial(_coded, recurrent, recipe.iterations, group.device),
                network,
                others,
            )
            if others
            else None,
        )
        if not ours.run(training):
            return False
        if group.first:
            save_rnn(recurrent, weights)
        group.wait()
    return True


def _schedule(recipe: RecurrentRecipe) -> Schedule:
    return Schedule(
        recipe.steps, recipe.batch, recipe.rate, warm_up=30, decay=0.0, largest_gradient=1.0
    )


def _first_weights(
    card: Card, recipe: RecurrentRecipe, session: TrainingSession
) -> tuple[Recurrent, str]:
    """The networks to train, and the digest of the file that they start from, if any."""
    if not recipe.starts_from:
        return _drawn(recipe), ""
    other = codec_to_start_from(card, recipe.starts_from)
    path = weights_to_start_from(card, other, session.folder / _FILE)
    recurrent = load_rnn(path).requires_grad_(True)
    if (recurrent.width, recurrent.bits) != (recipe.width, recipe.bits):
        found = f"of width {recurrent.width} and {recurrent.bits} bits"
        raise DataError(f"{path}: {found}, not {recipe.width} and {recipe.bits}")
    return recurrent, file_digest(path)


@torch.no_grad()
def _drawn(recipe: RecurrentRecipe) -> Recurrent:
    torch.manual_seed(0)
    recurrent = Recurrent(recipe.width, recipe.bits)
    for weight in recurrent.parameters():
        weight.normal_(0, _GAIN / weight[0].numel() ** 0.5)
    return recurrent


def losses(
    recurrent: Recurrent, recipe: RecurrentRecipe, network: Detector | None, batch: LabelledBatch
) -> dict[str, Tensor]:
    """L1, as a mean over all iterations, and what the task network makes of one of them."""
    x = batch.pictures
    seen = recurrent(x, recipe.iterations)
    with torch.autocast(x.device.type, enabled=False):
        distances = [(x - x_hat.float()).abs().mean() for x_hat in seen]
        l1 = torch.stack(distances).mean()
        if network is None:
            return {"l1": l1}
        # Of one iteration, as their mean would take so many times as long.
        shown = seen[int(torch.randint(len(seen), ()))].float()
        judged = task(network, recipe.enlarge, x, shown, batch.truth)
        return {**judged, "l1": recipe.distortion * l1}


def _coded(
    recurrent: Recurrent, iterations: int, device: torch.device, pixels: Pixels
) -> tuple[Pixels, float]:
    """The picture decoded from a stream of all iterations, and its bits per pixel."""
    recurrent.eval()
    height, width, _ = pixels.shape
    model = RnnModel(recurrent, device)
    parts = model.compress(pixels, iterations)
    decoded = model.decompress(parts, width, height)
    recurrent.train()
    stream = RnnStream(width, height, model.digest, tuple(parts)).to_bytes()
    return decoded, 8 * len(stream) / (height * width)
