"""Limits for pickles, checked on the opcodes before anything is loaded.

Nine bytes can request a memo of gigabytes, and a few hundred a nested tuple that never finishes
hashing.
"""

from __future__ import annotations

import pickletools
from typing import BinaryIO

_MAX_OPCODES = 2**21  # a tensor takes some 30
_MAX_ITEMS = 1000  # in a tuple, including those of nested tuples
_PUTS = {"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"}
_GETS = {"GET", "BINGET", "LONG_BINGET"}
_HASHED = {"EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "FROZENSET"}


class UnsafePickleError(Exception):
    """A pickle that needs more than weights do, with the reason."""


def check_pickle(file: BinaryIO) -> None:
    """Refuse a pickle that would fill the memory or never end; reads one pickle completely.

    Raises ValueError if the pickle is damaged.
    """
    stack: list[
        int
    ] = []  # the number of items of each object, nested ones included, if it is a tuple
    marks: list[int] = []
    memo: dict[int, int] = {}
    for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
        if count > _MAX_OPCODES:
            raise UnsafePickleError(f"more than {_MAX_OPCODES} instructions")
        if opcode.name in _PUTS:
            place = len(memo) if opcode.name == "MEMOIZE" else int(str(argument))
            if place > count:
                raise UnsafePickleError(f"a memo of {place} places")
            memo[place] = stack[-1] if stack else 1
        elif opcode.name in _GETS:
            stack.append(memo.get(int(str(argument)), 1))
        elif opcode.name == "MARK":
            marks.append(len(stack))
        elif opcode.name == "POP" and marks and marks[-1] == len(stack):
            marks.pop()
        elif opcode.name == "DUP":
            stack += stack[-1:]
        else:
            items = sum(_taken(stack, marks, opcode))
            if opcode.name not in _HASHED:
                items = 0
            if items > _MAX_ITEMS:
                raise UnsafePickleError(f"a tuple of more than {_MAX_ITEMS} items")
            stack += [1 + items] * len(opcode.stack_after)


def _taken(stack: list[int], marks: list[int], opcode: pickletools.OpcodeInfo) -> list[int]:
    """The items that an opcode takes from the stack."""
    below, count = len(opcode.stack_before), 0
    if pickletools.markobject in opcode.stack_before:
        if not marks:
            raise ValueError("no mark on the stack")
        below, count = opcode.stack_before.index(pickletools.markobject), len(stack) - marks.pop()
    count += below
    if not 0 <= count <= len(stack):
        raise ValueError("the stack is empty")
    items = stack[len(stack) - count :]
    del stack[len(stack) - count :]
    return items
