"""Processes that share each step of a training, one on each GPU, as torchrun starts them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.random import fork_rng

from bench.errors import DataError
from bench.runtime.cores import available_cores
from bench.runtime.torch_threads import threads


@dataclass(frozen=True)
class Processes:
    """The index of this process, the number of processes, and its device."""

    device: torch.device
    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.rank == 0

    def share(self, batch: int) -> range:
        """The places of a batch that this process computes."""
        if batch % self.count:
            raise DataError(f"{self.count} processes cannot share a batch of {batch} evenly")
        return range(self.rank, batch, self.count)

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.count > 1:
            distributed.barrier()

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """The first process alone, then the others: for what the first prepares and all read."""
        if not self.first:
            self.wait()
        yield
        if self.first:
            self.wait()

    def agreed(self, answer: bool) -> bool:
        """The first process's answer."""
        if self.count == 1:
            return answer
        shared = torch.tensor([answer], device=self.device, dtype=torch.uint8)
        distributed.broadcast(shared, 0)
        return bool(shared)

    def mean(self, values: Tensor) -> Tensor:
        """The mean over all processes."""
        if self.count > 1:
            distributed.all_reduce(values)
        return values / self.count

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Give all processes the mean of their gradients."""
        if self.count == 1:
            return
        for parameter in parameters:
            if parameter.grad is None:  # such as a mask head's, if no crop shows an instance
                parameter.grad = torch.zeros_like(parameter)
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = self.mean(torch.cat([gradient.flatten() for gradient in gradients]))
        sizes = [gradient.numel() for gradient in gradients]
        for gradient, part in zip(gradients, torch.split(flat, sizes), strict=True):
            gradient.copy_(part.view(gradient.shape))


@contextmanager
def processes() -> Iterator[Processes]:
    """The processes that torchrun started, or this one alone.

    Torch's state of the process, threads and random numbers, is afterwards what it was.
    """
    count, here = (int(os.environ.get(name, "1")) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    cuda = torch.cuda.is_available()
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if cuda and local >= torch.cuda.device_count():
        raise DataError(f"{here} processes here, but {torch.cuda.device_count()} GPUs")
    device = torch.device("cuda", local) if cuda else torch.device("cpu")
    with threads(max(1, available_cores() // here)), fork_rng([device] if cuda else []):
        if count == 1:
            yield Processes(device)
            return
        if cuda:
            torch.cuda.set_device(device)
        distributed.init_process_group("nccl" if cuda else "gloo")
        try:
            yield Processes(device, distributed.get_rank(), count)
        finally:
            distributed.destroy_process_group()
