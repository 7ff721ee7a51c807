"""Which files are found, and in which pack."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.ruleset.discover import DiscoveryError, Pack, discover

RULE = "kind: definitions\nname: {name}\nlet: {{a: '1'}}\n"
PACK = "kind: pack\nname: {name}\nvenue: paper\ntimezone: America/New_York\n"


def write(folder: Path, names: list[str]) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        template = PACK if path.name == "pack.yaml" else RULE
        path.write_text(template.format(name=path.parent.name if path.name == "pack.yaml" else path.stem))


def names(pack: Pack) -> list[str]:
    return [file.path.name for file in pack.files]


def test_a_folder_of_packs_gives_each_pack_with_its_files_in_order(tmp_path: Path) -> None:
    write(
        tmp_path, ["b/pack.yaml", "b/z.yaml", "b/deep/y.yml", "a/pack.yaml", "a/x.yaml", "a/notes.md", "a/.git/c.yaml"]
    )
    packs = discover([tmp_path])
    assert [(pack.name, names(pack)) for pack in packs] == [("a", ["x.yaml"]), ("b", ["y.yml", "z.yaml"])]
    assert all(pack.model is not None and pack.findings == () for pack in packs)


def test_a_pack_inside_a_pack_is_its_own(tmp_path: Path) -> None:
    write(tmp_path, ["a/pack.yaml", "a/x.yaml", "a/inner/pack.yaml", "a/inner/y.yaml"])
    assert [(pack.name, names(pack)) for pack in discover([tmp_path / "a"])] == [
        ("a", ["x.yaml"]),
        ("inner", ["y.yaml"]),
    ]


def test_files_without_a_pack_form_one(tmp_path: Path) -> None:
    write(tmp_path, ["x.yaml", "sub/y.yaml"])
    (pack,) = discover([tmp_path])
    assert (names(pack), pack.manifest, pack.name) == (["y.yaml", "x.yaml"], None, tmp_path.name)
    (single,) = discover([tmp_path / "x.yaml"])
    assert names(single) == ["x.yaml"]


def test_a_file_or_a_folder_of_a_pack_brings_its_pack_as_context(tmp_path: Path) -> None:
    write(tmp_path, ["a/pack.yaml", "a/x.yaml", "a/sub/y.yaml"])
    (pack,) = discover([tmp_path / "a" / "x.yaml"])
    assert names(pack) == ["y.yaml", "x.yaml"] and pack.asked == {tmp_path / "a" / "x.yaml"}
    (pack,) = discover([tmp_path / "a" / "sub"])
    assert pack.name == "a" and {path.name for path in pack.asked} == {"y.yaml"}
    assert names(pack) == ["y.yaml", "x.yaml"]


def test_a_relative_path_finds_a_pack_that_begins_above_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, ["a/pack.yaml", "a/sub/y.yaml"])
    monkeypatch.chdir(tmp_path / "a" / "sub")
    (pack,) = discover([Path("y.yaml")])
    assert pack.name == "a" and len(pack.asked) == 1


def test_a_path_given_twice_is_loaded_once(tmp_path: Path) -> None:
    write(tmp_path, ["a/pack.yaml", "a/x.yaml"])
    packs = discover([tmp_path, tmp_path / "a", tmp_path / "a" / "x.yaml"])
    assert [names(pack) for pack in packs] == [["x.yaml"]]


def test_links_that_go_round_end(tmp_path: Path) -> None:
    write(tmp_path, ["a/pack.yaml", "a/x.yaml"])
    (tmp_path / "a" / "loop").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "gone.yaml").symlink_to(tmp_path / "nowhere.yaml")
    (pack,) = discover([tmp_path])
    assert names(pack) == ["x.yaml"]


@pytest.mark.parametrize(
    ("name", "message"), [("none", "there is no file or folder"), ("notes.md", "must end in .yaml")]
)
def test_a_path_that_is_no_rule_file_is_named(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "notes.md").write_text("hello")
    with pytest.raises(DiscoveryError, match=message):
        discover([tmp_path / name])


def test_a_broken_manifest_still_gives_the_pack_and_its_finding(tmp_path: Path) -> None:
    write(tmp_path, ["a/pack.yaml", "a/x.yaml"])
    (tmp_path / "a" / "pack.yaml").write_text("kind: pack\nname: [\n")
    (pack,) = discover([tmp_path])
    assert (pack.name, pack.model, names(pack)) == ("a", None, ["x.yaml"])
    assert [finding.code for finding in pack.findings] == ["AT001"]
