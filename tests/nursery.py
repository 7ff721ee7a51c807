"""Runs ``engine`` in processes of their own without the second that importing takes each time.

One process a test worker has imported everything and forks a child for every command line. The child has the folder,
environment, standard streams, signals and exit code of a command typed by a person; what it has not is a first import.
``python()`` names a program that ``subprocess``, or a script, starts in place of Python's own.

Run as a module this file is the process that forks. A client (``tests/forked.py``) connects to its socket, sends its
three streams and the command line, and then numbers of signals, a byte each; it is told how the command ended.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from io import TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any, NamedTuple

from tests.forked import ask

PROJECT = Path(__file__).parents[1]
CLIENT = Path(__file__).with_name("forked.py")


class Nursery(NamedTuple):
    """``python``: the program. ``address``: the socket of the process that forks."""

    python: str
    address: str

    def run(
        self, words: Sequence[str], cwd: Path, env: Mapping[str, str], stdin: str, seconds: float
    ) -> tuple[int, str, str]:
        """The exit code of a command of the engine, and what it printed to both streams."""
        request = {"code": None, "words": words, "unbuffered": False, "cwd": str(cwd), "env": dict(env)}
        with TemporaryFile() as given, TemporaryFile() as out, TemporaryFile() as err:
            given.write(stdin.encode())
            given.seek(0)
            streams = (given.fileno(), out.fileno(), err.fileno())
            with ask(self.address, {**request, "no_interrupt": False}, streams) as told:
                told.settimeout(seconds)
                code = int(told.recv(16))
            out.seek(0)
            err.seek(0)
            return code, out.read().decode(), err.read().decode()


def python() -> str:
    """A program to be started in place of Python's, for commands of the engine."""
    return shared_nursery().python


@cache
def shared_nursery() -> Nursery:
    """That of this process, until its end."""
    open_till_end = ExitStack()
    atexit.register(open_till_end.close)
    return open_till_end.enter_context(open_nursery())


@contextmanager
def open_nursery() -> Iterator[Nursery]:
    """A process that has imported everything, until the end of the block."""
    with TemporaryDirectory(prefix="nursery-") as folder:
        nursery = Nursery(f"{folder}/python", f"{folder}/socket")
        words = [sys.executable, "-I", "-S", str(CLIENT), nursery.address]
        Path(nursery.python).write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
        Path(nursery.python).chmod(0o755)
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", "tests.nursery", nursery.address]
        with subprocess.Popen(command, cwd=PROJECT, stdin=pipe, stdout=pipe) as it:
            assert it.stdin is not None and it.stdout is not None
            assert it.stdout.readline(), "the process that forks has not begun"
            yield nursery
            it.stdin.close()


# -- the process that forks ------------------------------------------------------------------------------------------


def serve(address: str) -> None:
    """Import everything, then fork for each client, until the standard input ends."""
    from importlib import import_module

    from engine.cli.main import VERBS, main
    from engine.plan.compiled import compiled_kernel

    for verb in VERBS.values():
        import_module(verb.module)
    compiled_kernel()
    Ward(address, main).serve()


class Ward:
    """The children, and who asked for each."""

    def __init__(self, address: str, main: Callable[[], int]) -> None:
        self._main = main
        self._children: dict[socket.socket, int] = {}
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(address)
        self._listener.listen(64)
        self._ended, ended = os.pipe()
        os.set_blocking(ended, False)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the tests: the children are told by their clients
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(ended)
        print("ready", flush=True)

    def serve(self) -> None:
        while True:
            ready, _, _ = select.select([0, self._ended, *self._children, self._listener], [], [])
            # Of a client that was killed its command is gone before the next is taken: they never meet.
            for client in [c for c in self._children if c in ready]:
                self._heard(client)
            if self._ended in ready:
                os.read(self._ended, 4096)
                self._reap()
            if self._listener in ready:
                self._take(self._listener.accept()[0])
            if 0 in ready:
                return

    def _take(self, client: socket.socket) -> None:
        head, streams, _, _ = socket.recv_fds(client, 4, 3)
        request = b""
        while len(request) < int.from_bytes(head, "big"):
            request += client.recv(65_536)
        child = os.fork()
        if child == 0:
            _become(json.loads(request), streams, self._main)
        for stream in streams:
            os.close(stream)
        self._children[client] = child

    def _heard(self, client: socket.socket) -> None:
        """Signals for a child; a client that is gone takes its child with it."""
        try:
            signals = client.recv(64)
        except ConnectionResetError:
            signals = b""
        for number in signals or [signal.SIGKILL]:
            os.kill(self._children[client], number)
        if not signals:
            os.waitpid(self._children.pop(client), 0)
            client.close()

    def _reap(self) -> None:
        for client, child in list(self._children.items()):
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                del self._children[client]
                with client, suppress(BrokenPipeError):  # it may have ended, too
                    client.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _become(request: dict[str, Any], streams: Sequence[int], main: Callable[[], int]) -> None:
    """Be the command, to its end."""
    code = 70
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN if request["no_interrupt"] else signal.default_int_handler)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        os.closerange(3, 1024)
        _open_streams(request["unbuffered"])
        os.environ.clear()
        os.environ.update(request["env"])
        os.chdir(request["cwd"])
        path = request["env"].get("PYTHONPATH", "").split(os.pathsep)
        sys.path[:1] = [request["cwd"], *filter(None, path), str(PROJECT)]
        sys.argv = ["engine", *request["words"]]
        code = _run(request["code"], main)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _open_streams(unbuffered: bool) -> None:
    """Python's three streams over the command's own, as it opens them itself."""
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = TextIOWrapper(
        os.fdopen(1, "wb", 0 if unbuffered else -1, closefd=False), encoding="utf-8", write_through=unbuffered
    )
    sys.stderr = TextIOWrapper(os.fdopen(2, "wb", closefd=False), encoding="utf-8", line_buffering=True)


def _run(code: str | None, main: Callable[[], int]) -> int:
    """The engine's own main, or a test's few lines that end in it."""
    if code is None:
        return int(main())
    try:
        exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})
    except SystemExit as end:
        return int(end.code or 0)
    return 0


if __name__ == "__main__":
    serve(sys.argv[1])
