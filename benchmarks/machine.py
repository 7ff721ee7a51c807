"""What a benchmark says of the machine, the command and the versions it ran with."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def header(*packages: str) -> str:
    """Two lines: machine and interpreter; command and package versions."""
    return (
        f"machine: {_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}\n"
        f"command: {' '.join(['python', *sys.argv])}; {', '.join(_versions(packages))}"
    )


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
            names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def _versions(packages: tuple[str, ...]) -> list[str]:
    found = []
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} not installed")
    return found
