"""One network for all λ: a gain for each λ and channel, trained together with it."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor, nn

from bench.codecs.families.ncn.checkpoint import SHARED, load_gains, save_gains, save_ncn
from bench.codecs.families.ncn.masking import LSMnet
from bench.codecs.families.ncn.network import NCN
from bench.errors import DataError
from bench.training.coding import Coding

# What a λ has of its own moves faster than weights. A step of Adam is as long for all of them, and
# the rounding that a λ needs may be a factor of ten away from the first.
_PACE = 5.0


class GainedCoding(Coding):
    """An NCN and its LSMnet in training at all λ, each picture at one of them.

    Gains are kept as logarithms, and these and the bias divided by ``_PACE``.
    """

    def __init__(
        self, ncn: NCN, lsm: LSMnet | None, lambdas: Sequence[float], *, rounds: bool = False
    ) -> None:
        super().__init__(ncn, lsm, rounds=rounds)
        self.lambdas = tuple(lambdas)
        # A step of rounding that grows with the root of λ spends as D + λ R asks for.
        of_first = [(self.lambdas[0] / each) ** 0.5 for each in self.lambdas]
        logarithms = torch.tensor(of_first).log()[:, None].repeat(1, ncn.channels) / _PACE
        self.encoder = nn.Parameter(logarithms)
        self.decoder = nn.Parameter(-logarithms)
        self.bias = nn.Parameter(torch.zeros(len(self.lambdas), ncn.channels))

    def begin_with(self, files: Sequence[Path]) -> None:
        """Take the gains in the files of as many rising λ of another codec."""
        if len(files) != len(self.lambdas):
            raise DataError(f"{files[0].parent}: {len(files)} λ, expected {len(self.lambdas)}")
        rising = sorted(range(len(self.lambdas)), key=self.lambdas.__getitem__)
        with torch.no_grad():
            for place, file in zip(rising, files, strict=True):
                for own, gains in zip((self.encoder, self.decoder), load_gains(file), strict=True):
                    own[place] = gains.log() / _PACE

    def hold(self, *, gains: bool) -> None:
        """Keep what is not trained as it is: the gains, and the bias where there is no LSMnet."""
        for each in (self.encoder, self.decoder):
            each.requires_grad_(not gains)
        self.bias.requires_grad_(self.lsm is not None)

    def at(self, place: int) -> Coding:
        """What is left of it at one λ, to validate it."""
        ncn, lsm = deepcopy(self.ncn), deepcopy(self.lsm)
        ncn.scale(*self._gains(place))
        if lsm is not None:
            lsm.to_alpha.bias = self._bias_at(place)
        return Coding(ncn, lsm)

    def _gains(self, at: int | Tensor) -> tuple[Tensor, Tensor]:
        """Those of the encoder and of the decoder, at one λ or several."""
        return (_PACE * self.encoder[at]).exp(), (_PACE * self.decoder[at]).exp()

    def _bias_at(self, place: int) -> nn.Parameter | None:
        """The bias of the LSMnet's convolution at one λ."""
        if self.lsm is None or self.lsm.to_alpha.bias is None:
            return None
        return nn.Parameter(self.lsm.to_alpha.bias.detach() + _PACE * self.bias[place].detach())

    def save(self, files: Sequence[Path], ncn_of: str) -> None:
        """Write what is shared, and a file for each λ."""
        save_ncn(self.ncn, self.lsm, files[0].with_name(SHARED), ncn_of)
        for place, file in enumerate(files):
            save_gains(self._gains(place), self._bias_at(place), file)

    def weighted(self, x: Tensor, places: Sequence[int]) -> tuple[Tensor, Tensor]:
        """The decoded pictures, and the mean of λ times the estimated bits per pixel."""
        at = torch.tensor(places, device=x.device)
        encoder, decoder, bias = (
            each[:, :, None, None] for each in (*self._gains(at), _PACE * self.bias[at])
        )
        x_hat, (of_y, of_z) = self._coded(x, encoder, decoder, bias)
        rates = (of_y.sum((1, 2, 3)) + of_z.sum((1, 2, 3))) / x[0, 0].numel()
        lambdas = torch.tensor(self.lambdas, device=x.device)[at]
        return x_hat, (lambdas * rates).mean()
