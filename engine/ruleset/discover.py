"""Which files belong to which pack. A pack is a folder with ``pack.yaml`` and every rule file below it.

A folder inside a pack that has its own ``pack.yaml`` is a pack of its own. Rule files that lie in no pack form one
without a manifest for each path that was given, so that a single file can be checked anywhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.language.diagnostics import Finding
from engine.ruleset import models
from engine.ruleset.load import PACK_FILE, Document, LoadedFile, load_file

SUFFIXES = (".yaml", ".yml")


class DiscoveryError(Exception):
    """A path that was asked for cannot be searched; the message names it."""


@dataclass(frozen=True, slots=True, eq=False)
class Pack:
    """One pack as found on disk, every file loaded.

    ``files`` are its rule files in the order of their paths, without ``manifest``. ``asked`` are the files that
    the user named: all of them, unless single files of the pack were given (the rest is then context).
    """

    folder: Path
    manifest: LoadedFile | None
    files: tuple[LoadedFile, ...]
    asked: frozenset[Path]

    @property
    def document(self) -> Document | None:
        """The document of ``pack.yaml``."""
        return self.manifest.documents[0] if self.manifest is not None and self.manifest.documents else None

    @property
    def model(self) -> models.Pack | None:
        model = self.document.model if self.document is not None else None
        return model if isinstance(model, models.Pack) else None

    @property
    def name(self) -> str:
        """As ``pack.yaml`` says; else the folder's name."""
        if self.model is not None:
            return str(self.model.name)
        return self.folder.name or self.folder.resolve().name

    @property
    def loaded(self) -> tuple[LoadedFile, ...]:
        """The manifest, if any, and the rule files."""
        return (*([self.manifest] if self.manifest is not None else []), *self.files)

    @property
    def documents(self) -> tuple[Document, ...]:
        """The documents of all rule files, in order."""
        return tuple(document for file in self.files for document in file.documents)

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for file in self.loaded for finding in file.findings)


def discover(paths: Iterable[Path]) -> list[Pack]:
    """Find and load every pack at or below ``paths``, sorted by folder; raises DiscoveryError.

    A path may be a folder of packs, a pack, a folder of loose rule files, or one file. A file of a pack brings its
    whole pack along, because its names may be defined there.
    """
    found: dict[Path, _Gathered] = {}
    for path in paths:
        for folder, files, asked in _groups(path):
            gathered = found.setdefault(_identity(folder), _Gathered(folder))
            known = {file: _identity(file) for file in files}
            gathered.files.update((key, file) for file, key in known.items())
            gathered.asked.update(known.get(file) or _identity(file) for file in asked)
    return [gathered.load() for gathered in sorted(found.values(), key=lambda each: each.folder.as_posix())]


class _Gathered:
    """The files of one pack while paths are walked. Keys are resolved paths: no file is loaded twice."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[Path, Path] = {}
        self.asked: set[Path] = set()

    def load(self) -> Pack:
        manifest: LoadedFile | None = None
        files = []
        asked = frozenset(self.files[key] for key in self.asked)
        for file in sorted(self.files.values(), key=lambda each: each.as_posix()):
            loaded = load_file(file)
            if file.name == PACK_FILE:
                manifest = loaded
            else:
                files.append(loaded)
        return Pack(self.folder, manifest, tuple(files), asked)


def _groups(path: Path) -> Iterator[tuple[Path, list[Path], list[Path]]]:
    """(folder of the pack, its files, the files asked for) for everything at or below ``path``."""
    try:
        if path.is_dir():
            yield from _walk(path)
        elif path.is_file():
            yield _single(path)
        elif path.exists():
            raise DiscoveryError(f"{path} is neither a file nor a folder")
        else:
            raise DiscoveryError(f"there is no file or folder {path}")
    except OSError as problem:
        raise DiscoveryError(f"{path} cannot be read: {problem.strerror or problem}") from problem


def _single(path: Path) -> tuple[Path, list[Path], list[Path]]:
    if path.suffix not in SUFFIXES:
        raise DiscoveryError(f"{path} is no rule file: its name must end in .yaml")
    home = _home(path.parent)
    if home is None:
        return path.parent, [path], [path]
    files = next(files for folder, files, _ in _walk(home) if folder == home)
    same = [file for file in files if _identity(file) == _identity(path)]
    return home, files, same


def _home(folder: Path) -> Path | None:
    """The nearest folder at or above ``folder`` with a ``pack.yaml``."""
    for candidate in (folder, *folder.parents):
        if (candidate / PACK_FILE).is_file():
            return candidate
    if not folder.is_absolute():  # a relative path ends at the working folder; the pack may begin above it
        above = next((each for each in folder.resolve().parents if (each / PACK_FILE).is_file()), None)
        return Path(os.path.relpath(above)) if above is not None else None
    return None


def _walk(top: Path) -> Iterator[tuple[Path, list[Path], list[Path]]]:
    """Packs at and below ``top``. Hidden folders are skipped, and no folder is entered twice through links."""
    top_home = _home(top) or top
    groups: dict[Path, list[Path]] = {}
    seen: set[Path] = set()
    pending = [(top, top_home)]
    while pending:
        folder, home = pending.pop()
        if _identity(folder) in seen:
            continue
        seen.add(_identity(folder))
        home = folder if (folder / PACK_FILE).is_file() else home
        for entry in sorted(folder.iterdir()):
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                pending.append((entry, home))
            elif entry.suffix in SUFFIXES and entry.is_file():
                groups.setdefault(home, []).append(entry)
    for home, files in groups.items():
        if home == top_home and top_home != top:  # part of a pack: the rest of it is context
            yield home, next(all_files for folder, all_files, _ in _walk(home) if folder == home), files
        else:
            yield home, files, files


def _identity(path: Path) -> Path:
    return path.resolve()
