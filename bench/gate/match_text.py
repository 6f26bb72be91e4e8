"""The matches of one picture's detections as a line that people can read and a diff can show.

    person .785199:3 .618434:4 .514376 car .445073

Each number is a prediction's score, followed by a colon and the number of overlaps, from 0.50 on,
at which it is right; without one it is right at none. A prediction that is ignored at some overlaps
has all its states, as in ``.44:TTTFFFFIII``. Scores have six decimals; the last ones may differ
between machines.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence

import numpy as np

from bench.metrics.matches import FALSE_POSITIVE, IGNORED, OVERLAPS, TRUE_POSITIVE, Matches
from bench.metrics.measure import Measure, Record

_BYTES = "="  # how the text of a record of another measure begins, its bytes in base64
_LETTERS = {IGNORED: "I", TRUE_POSITIVE: "T", FALSE_POSITIVE: "F"}
_STATES = {letter: state for state, letter in _LETTERS.items()}
# The usual states, right up to some overlap, and how they are written.
_USUAL = {
    (TRUE_POSITIVE,) * right + (FALSE_POSITIVE,) * (OVERLAPS - right): f":{right}" if right else ""
    for right in range(OVERLAPS + 1)
}
_USUAL_STATES = {text: states for states, text in _USUAL.items()}


def record_text(record: Record, classes: Sequence[str]) -> str:
    """A measure's record of a picture as text."""
    if isinstance(record, Matches):
        return to_text(record, classes)
    return _BYTES + b64encode(record.to_bytes()).decode("ascii")


def read_record(
    text: str, measure: Measure, classes: Sequence[str], counts: list[list[int]] | None
) -> Record:
    """The record of such a text; ``counts`` are those of the instances of each class."""
    if text.startswith(_BYTES):
        return measure.read(b64decode(text.removeprefix(_BYTES), validate=True))
    valid, instances = counts or ([], [])
    return from_text(text, classes, valid, instances)


def to_text(matches: Matches, classes: Sequence[str]) -> str:
    words = []
    for index, name in enumerate(classes):
        own = np.flatnonzero(matches.classes == index)
        if len(own):
            words.append(_word(name))
        for place in own:
            score = f"{matches.scores[place]:.6f}".strip("0").rstrip(".") or "0"
            states = tuple(matches.states[place].tolist())
            letters = "".join(_LETTERS[state] for state in states)
            words.append(score + _USUAL.get(states, f":{letters}"))
    return " ".join(words)


def from_text(text: str, names: Sequence[str], valid: list[int], instances: list[int]) -> Matches:
    """The matches of such a line, given the classes and the number of instances of each.

    An invalid line is a ValueError or a KeyError.
    """
    places = {_word(name): place for place, name in enumerate(names)}
    classes, scores = [], []
    states: list[Sequence[int]] = []
    name = ""
    for word in text.split():
        if word in places:
            name = word
            continue
        score, colon, letters = word.partition(":")
        classes.append(places[name])
        scores.append(float(score))
        usual = _USUAL_STATES.get(colon + letters)
        states.append(usual or [_STATES[letter] for letter in letters])
        if len(states[-1]) != OVERLAPS:
            raise ValueError(f"{len(states[-1])} overlaps, not {OVERLAPS}")
    return Matches(
        np.array(classes, np.uint8),
        np.array(scores, np.float64),
        np.array(states, np.uint8).reshape(-1, OVERLAPS),
        np.array(valid),
        np.array(instances),
    )


def _word(name: str) -> str:
    return name.replace(" ", "_")
