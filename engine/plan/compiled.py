"""The kernel compiled by Numba, once per machine: the machine code is kept in the user's cache folder.

The cache folder is named after the sources of kernel and functions, so that a change of either never meets old code.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import pkgutil
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

from engine.language import functions
from engine.language.functions import CATALOGUE
from engine.plan import dispatch, kernel
from engine.plan.program import Kernel

_HELPERS = (
    "power",
    "conjunction",
    "disjunction",
    "crossed",
    "delayed",
    "held",
    "elementary",
    "special",
    "simple",
    "compare",
)


def cache_folder() -> Path:
    """Where compiled code is kept; depends on the sources that it was compiled from."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "autotrader" / f"kernel-{_fingerprint()}"


def _fingerprint() -> str:
    digest = hashlib.sha256()
    names = sorted(m.name for m in pkgutil.iter_modules(functions.__path__, functions.__name__ + "."))
    for module in (kernel, dispatch, *(importlib.import_module(name) for name in names)):
        assert module.__file__ is not None
        digest.update(Path(module.__file__).read_bytes())
    return digest.hexdigest()[:16]


@cache
def compiled_kernel() -> Kernel:
    """The compiled kernel. The first call on a machine compiles for some seconds, later ones load."""
    import numba

    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        keep = os.access(folder, os.W_OK)
    except OSError:
        keep = False
    if keep:
        numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
    return _compile(numba, keep)


def _compile(numba: Any, keep: bool) -> Kernel:
    jit = numba.njit
    steps = {f"step_{name}": jit(function.step) for name, function in CATALOGUE.items()}
    call = jit(_with_globals(dispatch.call, steps))
    names: dict[str, Any] = {"call": call}
    for name in _HELPERS:
        names[name] = jit(_with_globals(getattr(kernel, name), names))
    names["run"] = jit(_with_globals(kernel.run, names), cache=keep)
    found = Kernel(names["run"], jit(_with_globals(kernel.run_rows, names), cache=keep))
    _load(found)
    return found


def _load(found: Kernel) -> None:
    """Have both functions compiled or read from the cache now, and not at the first tick of a run."""
    codes, ints, floats = np.empty((0, 4), dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0)
    program = (0, 0, 0, codes, codes, ints, floats, floats)
    found.run(*program)
    found.run_rows(*program, np.empty((0, 0)), ints, ints, codes, 0, 0)


def _with_globals(function: Any, changes: dict[str, Any]) -> FunctionType:
    """The same code seeing compiled versions of what it calls."""
    copy = FunctionType(function.__code__, {**function.__globals__, **changes}, function.__name__)
    copy.__module__, copy.__qualname__ = function.__module__, function.__qualname__
    return copy
