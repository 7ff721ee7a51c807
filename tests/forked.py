"""Stands in for ``python``: has a command of the engine forked by the nursery, and is that command to whoever waits.

    python -I -S forked.py SOCKET [-u] -m engine WORDS…     or     … [-u] -c CODE WORDS…

Whatever else is asked is left to Python itself. It imports little, as it is started hundreds of times.
"""

import json
import os
import signal
import socket
import sys

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def wanted(words: list[str]) -> dict[str, object] | None:
    """What to ask for; None for what only Python itself can do."""
    unbuffered = words[:1] == ["-u"]
    words = words[unbuffered:]
    if words[:2] == ["-m", "engine"]:
        code, words = None, words[2:]
    elif words[:1] == ["-c"] and "engine" in words[1]:
        code, words = words[1], words[2:]
    else:
        return None
    return {
        "code": code, "words": words, "unbuffered": unbuffered, "env": dict(os.environ),
        "cwd": os.getcwd(),  # noqa: PTH109 (pathlib is long to import)
        "no_interrupt": signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
    }  # fmt: skip


def ask(address: str, request: dict[str, object], streams: tuple[int, int, int] = (0, 1, 2)) -> socket.socket:
    """The connection on which the exit code of the command will be told; below zero the signal that ended it."""
    found = socket.socket(socket.AF_UNIX)
    found.connect(address)
    body = json.dumps(request).encode()
    socket.send_fds(found, [len(body).to_bytes(4, "big")], streams)
    found.sendall(body)
    return found


def main(address: str, words: list[str]) -> None:
    """End as the command ends: with its exit code, or by the signal that ended it."""
    request = wanted(words)
    if request is None:
        os.execv(sys.executable, [sys.executable, *words])
    told = ask(address, request)
    for number in FORWARDED:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, _: told.sendall(bytes([number])))
    for stream in (0, 1, 2):
        os.close(stream)
    code = int(told.makefile().readline() or -signal.SIGKILL)
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
