"""What a codec's decoder sees while it is trained."""

from __future__ import annotations

import pytest
import torch

from bench.codecs.families.ncn.network import NCN
from bench.training.coding import Coding


@pytest.mark.parametrize("rounds", [False, True])
def test_decoders_see_rounded_latents_where_a_recipe_says_so(rounds: bool) -> None:
    torch.manual_seed(0)
    coding = Coding(NCN(6, (4, 4, 6), 4), None, rounds=rounds)
    with torch.no_grad():
        for parameter in coding.ncn.g_enc[-1].parameters():
            parameter.mul_(100)  # so that rounding leaves something
    x = torch.rand(1, 3, 128, 128)
    rounded, _ = coding.eval()(x)
    seen, rate = coding.train()(x)
    assert torch.equal(seen, rounded) == rounds
    seen.sum().backward()
    assert coding.ncn.g_enc[0].weight.grad.abs().max() > 0
    _, another = coding(x)
    assert rate != another  # of noisy latents in either case
