"""How the classes of a network and of a data set meet: by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.errors import DataError
from bench.runtime.text import did_you_mean

_FEW = 3


@dataclass(frozen=True)
class Meeting:
    """The classes of a network among those of a data set."""

    own: tuple[str, ...]  # the network's
    names: tuple[str, ...]  # the data set's
    places: tuple[int, ...]  # of each of the network's among them, or -1

    @property
    def is_trivial(self) -> bool:
        """Whether both have the same classes."""
        return self.own == self.names

    @property
    def any(self) -> bool:
        """Whether any class of the network has a partner."""
        return max(self.places, default=-1) >= 0

    def remark(self, network: str, dataset: str) -> str | None:
        """The classes without a partner."""
        lone = [name for name, place in zip(self.own, self.places, strict=True) if place < 0]
        never = [name for place, name in enumerate(self.names) if place not in self.places]
        said = []
        if lone:
            said.append(f"{_some(lone)} of {network} not in {dataset}, left out")
        if never:
            said.append(f"{_some(never)} of {dataset} unknown to {network}, never found")
        return "; ".join(said) or None


def meet(own: Sequence[str], names: Sequence[str], same: Mapping[str, str]) -> Meeting:
    """By name, whatever the case, or as ``same`` has it: names of the network to the data set's."""
    place = {_plain(name): index for index, name in enumerate(names)}
    known = {_plain(name) for name in own}
    partner = {}
    for mine, theirs in same.items():
        if _plain(mine) not in known:
            raise DataError(
                f"--class {mine}={theirs}: the network has no class {mine}; "
                f"{did_you_mean(mine, own)}"
            )
        if _plain(theirs) not in place:
            raise DataError(
                f"--class {mine}={theirs}: the data set has no class {theirs}; "
                f"{did_you_mean(theirs, names)}"
            )
        partner[_plain(mine)] = place[_plain(theirs)]
    places = (partner.get(_plain(name), place.get(_plain(name), -1)) for name in own)
    return Meeting(tuple(own), tuple(names), tuple(places))


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_FEW])
    return shown if len(names) <= _FEW else f"{len(names)} classes ({shown}, …)"
