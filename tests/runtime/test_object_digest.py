"""Two objects have one digest if they do the same, and another if anything they use differs."""

from __future__ import annotations

import functools
import io
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fakes import package
from support.paths import environment

from bench.errors import CardError
from bench.runtime.object_digest import object_digest


def made(source: str, **used: Any) -> Callable[..., Any]:
    """The function ``f`` of a notebook, which uses these globals."""
    names = {"__name__": "__main__", **used}
    exec(source, names)
    function: Callable[..., Any] = names["f"]
    return function


def digest(value: object) -> str:
    found = object_digest(value)
    assert found.unknown == ()
    return found.digest


def test_functions_are_told_apart_by_what_they_do() -> None:
    f = made("def f(x): return x + 1")
    assert digest(f) == digest(made("# a remark\n\ndef f(x): return x + 1"))
    others = [
        "def f(x): return x + 2",
        "def f(x): return x - 1",
        "def f(x, y=0): return x + 1",
        "def f(x):\n    def g(): return 3\n    return x + 1",
        "def f(x): return abs(x)",
        "def f(x): return hex(x)",
    ]
    assert len({digest(made(each)) for each in [*others, "def f(x): return x + 1"]}) == 7


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 2),
        (1, 1.0),
        ("a", b"a"),
        ([1, 2], [2, 1]),
        ({"a": 1}, {"a": 2}),
        ({1, 2}, {1, 3}),
        (np.arange(3), np.arange(3.0)),
        (np.arange(6), np.arange(6).reshape(2, 3)),
        (SimpleNamespace(a=1), SimpleNamespace(a=2)),
        (functools.partial(int, base=2), functools.partial(int, base=3)),
        (Path("a"), Path("b")),
        (np.random.default_rng(1), np.random.default_rng(2)),
    ],
)
def test_values_that_a_function_uses_count(one: object, other: object) -> None:
    source = "def f(): return value"
    assert digest(made(source, value=one)) != digest(made(source, value=other))
    in_a_closure = "def outer(value):\n    def f(): return value\n    return f\nf = outer(held)"
    assert digest(made(in_a_closure, held=one)) != digest(made(in_a_closure, held=other))
    assert digest(made(source, value=one, unused=object)) == digest(made(source, value=one))


def test_functions_and_classes_that_a_function_uses_count() -> None:
    source = "{}\ndef f(): return helper()"
    one, other = "def helper(): return 1", "def helper(): return 2"
    assert digest(made(source.format(one))) != digest(made(source.format(other)))
    kind = "class helper:\n    step = {}\n    def go(self): return {}"
    kinds = [kind.format(1, 1), kind.format(2, 1), kind.format(1, 2)]
    assert len({digest(made(source.format(each))) for each in kinds}) == 3
    cached = "import functools\n@functools.lru_cache\n"
    assert digest(made(source.format(cached + one))) != digest(made(source.format(cached + other)))


def test_what_a_function_says_of_its_module_does_not_count() -> None:
    source = "import functools, os\n@functools.wraps(os.getcwd)\ndef f(): return {}"
    assert digest(made(source.format(1))) != digest(made(source.format(2)))
    names: dict[str, Any] = {}
    exec("def f(): return 1\ndef g(): return 2\nclass A: a = 1\nclass B: a = 1", names)
    assert digest(names["f"]) != digest(names["g"])


def test_methods_count_with_their_object() -> None:
    source = "class A:\n    def __init__(self, n): self.n = n\n    def go(self): return self.n\n"
    method = {n: made(f"{source}f = A({n}).go") for n in (1, 2)}
    assert digest(method[1]) == digest(made(f"{source}f = A(1).go"))
    assert digest(method[1]) != digest(method[2])


def test_the_weights_of_a_network_count() -> None:
    torch = pytest.importorskip("torch")
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 3), torch.nn.ReLU())
    before = digest(network)
    assert digest(network) == before
    with torch.no_grad():
        network[0].weight[0, 0, 0, 0] += 1
    assert digest(network) != before


def test_what_refers_to_itself_has_an_end() -> None:
    ring: list[Any] = [1]
    ring.append(ring)
    assert digest(ring) != digest([1, [1]])
    assert digest(made("def f(n): return n and f(n - 1)"))


def test_what_cannot_be_known_is_named() -> None:
    file = io.StringIO()
    with open("there", "w") as opened:
        found = object_digest(made("def f(): return log, other", log=opened, other=file))
    assert found.unknown == ("log (TextIOWrapper)",)
    generator = (x for x in ())
    assert object_digest(made("def f(): return g", g=generator)).unknown == ("g (generator)",)
    assert object_digest(made("def f(): return lock", lock=threading.Lock())).unknown == ()


def test_it_is_the_same_in_another_process() -> None:
    code = (
        "import json, numpy as np\nfrom bench.runtime.object_digest import object_digest\n"
        "names = {'a', 'b', 'c', 'd'}\ntable = np.arange(4)\n"
        "def f(x): return x in names, table, json.dumps(x), (1, 2)\n"
        "print(object_digest(f))"
    )
    result = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**environment(), "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(result) == 1


def test_the_user_s_own_modules_count_with_what_they_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(tmp_path)

    def found(tools: str, deeper: str) -> str:
        (tmp_path / "my_tools.py").write_text(tools)
        (tmp_path / "deeper_tools.py").write_text(deeper)
        package.forget("my_tools")
        package.forget("deeper_tools")
        return digest(made("import my_tools\ndef f(): return my_tools.go()"))

    tools, deeper = "import deeper_tools\ndef go(): return deeper_tools.go()", "def go(): return 1"
    first = found(tools, deeper)
    assert found(tools, deeper) == first
    assert found(tools + " + 1", deeper) != first
    assert found(tools, deeper + " + 1") != first
    (tmp_path / "my_tools.py").write_text("changed = True")
    with pytest.raises(CardError, match="changed after it was loaded"):
        object_digest(made("import my_tools\ndef f(): return my_tools.go()"))


def test_of_an_installed_package_the_version_counts() -> None:
    clip = made("import numpy as np\ndef f(x): return np.clip(x, 0, 1)")
    assert digest(clip) == digest(made("import numpy as np\ndef f(x): return np.clip(x, 0, 1)"))
    assert digest(clip) != digest(made("import numpy as np\ndef f(x): return np.clip(x, 0, 2)"))


def test_the_order_of_attributes_says_nothing() -> None:
    one, other = SimpleNamespace(a=1, b=2), SimpleNamespace(b=2, a=1)
    assert digest(one) == digest(other) != digest(SimpleNamespace(a=2, b=1))
    assert digest({"a": 1, "b": 2}) != digest({"b": 2, "a": 1})  # that of a dictionary may
