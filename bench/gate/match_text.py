"""The matches of one picture's detections as a line that people can read and a diff can show.

    person .785199:3 .618434:4 .514376 car .445073

Each number is a prediction's score, followed by a colon and the number of overlaps, from 0.50 on,
at which it is right; without one it is right at none. A prediction that is ignored at some overlaps
has all its states, as in ``.44:TTTFFFFIII``. Scores have six decimals; the last ones may differ
between machines.
"""

from __future__ import annotations

import numpy as np

from bench.instances.labels import CLASSES
from bench.metrics.matches import FALSE_POSITIVE, IGNORED, OVERLAPS, TRUE_POSITIVE, Matches

_LETTERS = {IGNORED: "I", TRUE_POSITIVE: "T", FALSE_POSITIVE: "F"}
_STATES = {letter: state for state, letter in _LETTERS.items()}


def to_text(matches: Matches) -> str:
    words = []
    for index, name in enumerate(CLASSES):
        own = np.flatnonzero(matches.classes == index)
        if len(own):
            words.append(name)
        for place in own:
            score = f"{matches.scores[place]:.6f}".strip("0").rstrip(".") or "0"
            words.append(score + _states_text(matches.states[place].tolist()))
    return " ".join(words)


def _states_text(states: list[int]) -> str:
    right = states.count(TRUE_POSITIVE)
    if states == [TRUE_POSITIVE] * right + [FALSE_POSITIVE] * (OVERLAPS - right):
        return f":{right}" if right else ""
    return ":" + "".join(_LETTERS[state] for state in states)


def from_text(text: str, valid: list[int], instances: list[int]) -> Matches:
    """The matches of such a line, given the number of instances of each class.

    An invalid line is a ValueError or a KeyError.
    """
    classes, scores, states = [], [], []
    name = ""
    for word in text.split():
        if word in CLASSES:
            name = word
            continue
        score, _, right = word.partition(":")
        classes.append(CLASSES.index(name))
        scores.append(float(score))
        states.append(_states(right))
    return Matches(
        np.array(classes, np.uint8),
        np.array(scores, np.float64),
        np.array(states, np.uint8).reshape(-1, OVERLAPS),
        np.array(valid),
        np.array(instances),
    )


def _states(text: str) -> list[int]:
    if text.isdecimal() or not text:
        right = int(text or 0)
        states = [TRUE_POSITIVE] * right + [FALSE_POSITIVE] * (OVERLAPS - right)
    else:
        states = [_STATES[letter] for letter in text]
    if len(states) != OVERLAPS:
        raise ValueError(f"{len(states)} overlaps, not {OVERLAPS}")
    return states
