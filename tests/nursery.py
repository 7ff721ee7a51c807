"""Runs ``engine`` in processes of their own without the second that importing takes each time.

One process a test worker has imported everything and forks a child for every command line. The child has the folder,
environment, standard streams and exit code of a command typed by a person; what it has not is a first import.
Run as a script it is that process: a request a line in, the child's number and then its exit code a line out.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[1]


class Nursery:
    """The process that forks; started when it is first needed, and ended with ``close``."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def run(self, words: Sequence[str], cwd: Path, env: Mapping[str, str], streams: Path, seconds: float) -> int:
        """The exit code of one command line. ``streams``: a folder with ``in``, where ``out`` and ``err`` are put."""
        process = self._running()
        request = {"words": list(words), "cwd": str(cwd), "env": dict(env), "streams": str(streams)}
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        child = int(process.stdout.readline())
        late = threading.Timer(seconds, os.kill, (child, signal.SIGKILL))
        late.start()
        try:
            return int(process.stdout.readline())
        finally:
            late.cancel()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, __file__], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        return self._process

    def close(self) -> None:
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.wait()


def serve() -> None:
    """Import everything, then fork for each request."""
    sys.path[0] = str(PROJECT)
    from importlib import import_module

    from engine.cli.main import VERBS, main
    from engine.plan.compiled import compiled_kernel

    for verb in VERBS.values():
        import_module(verb.module)
    compiled_kernel()
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(request, main)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become(request: Mapping[str, Any], main: Any) -> None:
    """Be the command, to its end."""
    streams = Path(request["streams"])
    write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for number, name, flags in ((0, "in", os.O_RDONLY), (1, "out", write), (2, "err", write)):
        handle = os.open(streams / name, flags, 0o644)
        os.dup2(handle, number)
        os.close(handle)
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, encoding="utf-8", closefd=False) for number, mode in ((0, "r"), (1, "w"), (2, "w"))
    )
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    sys.path[:1] = [request["cwd"], str(PROJECT)]
    sys.argv = ["engine", *request["words"]]
    code = 70
    try:
        code = int(main())
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    serve()
