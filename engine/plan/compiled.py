"""The kernel compiled by Numba, once per machine: the machine code is kept in the user's cache folder.

The cache folder is named after the sources of kernel and functions, so that a change of either never meets old code.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import pkgutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from engine.language import functions
from engine.language.functions import CATALOGUE
from engine.plan import dispatch, kernel
from engine.plan.program import Kernel


def cache_folder() -> Path:
    """Where compiled code is kept; depends on the sources that it was compiled from."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "autotrader" / f"kernel-{_fingerprint()}"


def code_folder(name: str, modules: Sequence[ModuleType]) -> Path:
    """Where a linker of that name keeps its code; see ``Linker``."""
    if not modules:
        return cache_folder()
    digest = hashlib.sha256(_fingerprint().encode())
    for module in modules:
        _add(digest, module)
    return cache_folder().with_name(f"{name}-{digest.hexdigest()[:16]}")


def _fingerprint() -> str:
    digest = hashlib.sha256()
    names = sorted(m.name for m in pkgutil.iter_modules(functions.__path__, functions.__name__ + "."))
    for module in (kernel, dispatch, *(importlib.import_module(name) for name in names)):
        _add(digest, module)
    return digest.hexdigest()[:16]


def _add(digest: Any, module: ModuleType) -> None:
    assert module.__file__ is not None
    digest.update(Path(module.__file__).read_bytes())


@cache
def compiled_kernel() -> Kernel:
    """The compiled kernel. The first call on a machine compiles for some seconds, later ones load."""
    linker = kernel_linker()
    found = Kernel(linker.names["run"], linker.names["run_rows"])
    _load(found)
    return found


@cache
def kernel_linker() -> Linker:
    """The kernel with the steps of all functions; what is linked beside it shares them."""
    linker = Linker("kernel", ())
    linker.kernel()
    return linker


def address_of(function: Any) -> int:
    """Where the machine code of a compiled function stands, of the types that it was called with first."""
    found = next(iter(function.overloads.values()))
    return int(found.library.get_pointer_to_function(found.fndesc.llvm_func_name))


def by_address() -> Any:
    """A function for compiled code that calls a compiled function of no result: its address, a tuple of arguments."""
    import numba
    from numba.core import types
    from numba.extending import intrinsic

    cgutils: Any = numba.core.cgutils

    @intrinsic
    def call(typing: Any, address: Any, arguments: Any) -> Any:
        kinds = tuple(arguments)

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            convention = context.call_conv
            pointer = convention.get_function_type(types.none, kinds).as_pointer()
            target = builder.inttoptr(values[0], pointer)
            passed = cgutils.unpack_tuple(builder, values[1], len(kinds))
            status, _ = convention.call_function(builder, target, types.none, kinds, passed)
            with cgutils.if_unlikely(builder, status.is_error):
                convention.return_status_propagate(builder, status)
            return context.get_dummy_value()

        return types.none(address, arguments), generate

    return call


class Linker:
    """Compiles functions so that they see the compiled versions of what they call.

    ``name``, ``modules``: what the machine code is kept under, beside the sources of kernel and functions. ``beside``:
    a linker whose functions are seen as well.
    """

    def __init__(self, name: str, modules: Sequence[ModuleType], beside: Linker | None = None) -> None:
        import numba

        folder = code_folder(name, modules)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._keep = os.access(folder, os.W_OK)
        except OSError:
            self._keep = False
        self._folder = folder
        self._numba: Any = numba
        self._compiled: dict[FunctionType, Any] = dict(beside._compiled) if beside is not None else {}
        self.names: dict[str, Any] = {}

    def kernel(self) -> None:
        """Link the steps of all functions and the kernel."""
        inner = self._numba.njit(no_cfunc_wrapper=True, no_cpython_wrapper=True)
        steps = {f"step_{name}": inner(function.step) for name, function in CATALOGUE.items()}
        self._compiled.update({f.step: steps[f"step_{name}"] for name, f in CATALOGUE.items()})  # type: ignore[misc]
        self._compiled[dispatch.call] = inner(_with_globals(dispatch.call, steps))  # type: ignore[index]
        self.module(kernel, kept=("run", "run_rows"))

    def replace(self, function: FunctionType, made: FunctionType) -> None:
        """Have ``made`` called by compiled code where ``function`` stands."""
        self._compiled[function] = self._numba.njit(made, no_cfunc_wrapper=True, no_cpython_wrapper=True)

    def module(
        self, module: ModuleType, kept: Sequence[str], inlined: frozenset[str] = frozenset(), **options: Any
    ) -> None:
        """Link every function of a module; those ``kept`` are entered from outside, and stay on disk.

        ``inlined``: those that become part of their callers. ``options``: further ones of ``numba.njit``.
        """
        if self._keep:
            self._numba.config.CACHE_DIR = str(self._folder)
        found = [f for f in vars(module).values() if isinstance(f, FunctionType) and f.__module__ == module.__name__]
        shared = dict(vars(module))
        for name, value in vars(module).items():
            if isinstance(value, FunctionType) and value in self._compiled:
                shared[name] = self._compiled[value]
        for function in found:
            copy = FunctionType(function.__code__, shared, function.__name__, function.__defaults__)
            copy.__module__, copy.__qualname__ = function.__module__, function.__qualname__
            entered = function.__name__ in kept
            if self._keep and entered:
                copy.__code__ = copy.__code__.replace(co_filename=str(self._source(module)))
            made = self._numba.njit(
                copy, cache=self._keep and entered, no_cfunc_wrapper=True, no_cpython_wrapper=not entered,
                nogil=entered, forceinline=function.__name__ in inlined, **options,
            )  # fmt: skip
            _one_for_all_numbers(made)
            shared[function.__name__] = self._compiled[function] = self.names[function.__name__] = made

    def _source(self, module: ModuleType) -> Path:
        """A copy of a module's source beside its code. The compiler finds code by the path of its source: so it is one
        for every checkout and installation that has the same sources."""
        path = self._folder / f"{module.__name__}.py"
        if not path.exists():
            assert module.__file__ is not None
            with NamedTemporaryFile(dir=self._folder, delete=False) as file:
                file.write(Path(module.__file__).read_bytes())
            Path(file.name).replace(path)
        return path


def _load(found: Kernel) -> None:
    """Have both functions compiled or read from the cache now, and not at the first tick of a run."""
    codes, ints, floats = np.empty((0, 4), dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0)
    program = (0, 0, 0, codes, codes, ints, floats, floats)
    found.run(*program)
    found.run_rows(*program, np.empty((0, 0)), ints, ints, codes, 0, 0)


def _one_for_all_numbers(function: Any) -> None:
    """Have a function compiled for integers and truths, and not once more for each that callers write out."""
    from numba.core import types

    template: Any = function.get_call_template
    plain: Any = types.unliteral

    def for_types(args: Sequence[Any], kws: dict[str, Any]) -> Any:
        return template(tuple(map(plain, args)), {name: plain(kind) for name, kind in kws.items()})

    function.get_call_template = for_types


def _with_globals(function: Any, changes: dict[str, Any]) -> FunctionType:
    """The same code seeing compiled versions of what it calls."""
    copy = FunctionType(function.__code__, {**function.__globals__, **changes}, function.__name__)
    copy.__module__, copy.__qualname__ = function.__module__, function.__qualname__
    return copy
