import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from poetry_model.checkpoint import load_bundle, save_bundle
from poetry_model.conditions import sizes_with_controls
from poetry_model.corpus import Verse
from poetry_model.errors import BundleError
from poetry_model.holdout import HoldOut
from poetry_model.network import NetworkConfig, PoetNetwork
from poetry_model.prosody import Prosody, RhymeClass, Tone
from poetry_model.reading import digest
from poetry_model.vocabulary import Vocabulary
from tests.poetry_model.hostile import edit, reseal

FILES = ("config.json", "model.safetensors", "vocabulary.json")
VOCABULARY = Vocabulary("月山水")
HOLD_OUT = HoldOut(7).remember([Verse(("月山水雲風", "花春秋江天"))])
PROSODY = Prosody({"山": 1.0, "月": 0.0, "水": 0.25}, [RhymeClass(Tone.OBLIQUE, "月", "水", 0.5)])
METADATA = {"corpus": {"digest": "d"}, "training": {"epochs": 1}, "metrics": {"perplexity": 2.5}}


def _network() -> PoetNetwork:
    torch.manual_seed(0)
    return PoetNetwork(NetworkConfig(len(VOCABULARY), embedding=4, hidden=6, layers=1))


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "bundle"
    save_bundle(folder, _network(), VOCABULARY, HOLD_OUT, METADATA)
    return folder


@contextmanager
def _copy(folder: Path) -> Iterator[Path]:
    with TemporaryDirectory() as temporary:
        yield shutil.copytree(folder, Path(temporary, "bundle"))


def _edit(folder: Path, path: Sequence[str], value: object) -> None:
    """Set one entry of the configuration, and nothing else but its checksum."""
    file = folder / "config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    entry = config
    for key in path[:-1]:
        entry = entry[key]
    entry[path[-1]] = value
    if isinstance(config["sha256"], dict):
        config["sha256"].pop("config.json", None)
        config["sha256"]["config.json"] = digest(config)
    file.write_text(json.dumps(config), encoding="utf-8")


def _replace(folder: Path, name: str, content: bytes) -> None:
    """Give a file another content, with its checksum."""
    (folder / name).write_bytes(content)
    reseal(folder)


def test_a_bundle_comes_back_as_it_was_saved_in_half_precision(saved: Path) -> None:
    bundle = load_bundle(saved)
    expected = _network().half().float().state_dict()
    torch.testing.assert_close(dict(bundle.network.state_dict()), dict(expected), rtol=0, atol=0)
    assert bundle.network.config == _network().config
    assert bundle.vocabulary.characters == VOCABULARY.characters
    assert bundle.hold_out == HOLD_OUT
    assert bundle.metadata == METADATA


def test_a_loaded_network_is_ready_to_write_and_not_to_learn(saved: Path) -> None:
    network = load_bundle(saved).network
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


def test_the_version_is_the_beginning_of_the_checksum_of_the_weights(saved: Path) -> None:
    assert sha256((saved / "model.safetensors").read_bytes()).hexdigest().startswith(load_bundle(saved).version)
    assert len(load_bundle(saved).version) == 12


def test_saving_the_same_again_gives_the_same_version(saved: Path, tmp_path: Path) -> None:
    version = save_bundle(tmp_path / "again", _network(), VOCABULARY, HOLD_OUT, {})
    assert version == load_bundle(saved).version == load_bundle(tmp_path / "again").version


def test_a_bundle_without_prosody_is_three_files(saved: Path) -> None:
    assert sorted(file.name for file in saved.iterdir()) == sorted(FILES)


def test_a_hold_out_without_lines_may_be_saved(tmp_path: Path) -> None:
    save_bundle(tmp_path / "bundle", _network(), VOCABULARY, HoldOut(), {})
    assert load_bundle(tmp_path / "bundle").hold_out == HoldOut()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("spoil", [Path.unlink, lambda file: (file.unlink(), file.mkdir())], ids=["missing", "folder"])
def test_a_bundle_without_one_of_its_files_is_refused(saved: Path, name: str, spoil: Callable[[Path], object]) -> None:
    with _copy(saved) as folder:
        spoil(folder / name)
        with pytest.raises(BundleError, match=name):
            load_bundle(folder)


@given(name=st.sampled_from(FILES), share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_bundle_is_refused(saved: Path, name: str, share: float) -> None:
    with _copy(saved) as folder:
        content = (folder / name).read_bytes().rstrip()
        (folder / name).write_bytes(content[: int(len(content) * share)])
        with pytest.raises(BundleError):
            load_bundle(folder)


@given(name=st.sampled_from(FILES[1:]), place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_in_weights_or_vocabulary_is_refused(saved: Path, name: str, place: float, bit: int) -> None:
    with _copy(saved) as folder:
        content = bytearray((folder / name).read_bytes())
        content[int(len(content) * place)] ^= 1 << bit
        (folder / name).write_bytes(content)
        with pytest.raises(BundleError, match="does not match the checksum"):
            load_bundle(folder)


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_in_the_configuration_is_refused_or_harmless(saved: Path, place: float, bit: int) -> None:
    with _copy(saved) as folder:
        content = bytearray((folder / "config.json").read_bytes())
        content[int(len(content) * place)] ^= 1 << bit
        (folder / "config.json").write_bytes(content)
        _assert_refused_or_whole(folder)


_VALUES: st.SearchStrategy[object] = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 40), st.floats(), st.text(max_size=4), st.just([]), st.just({})
)
_PATHS = [
    ("format",),
    ("network",),
    *(("network", key) for key in NetworkConfig(1).as_dict()),
    ("network", "conditions", "form"),
    ("network", "heads"),
    ("sha256",),
    *(("sha256", name) for name in FILES[1:]),
    ("hold_out",),
    ("hold_out", "one_in"),
    ("corpus",),
]


@given(path=st.sampled_from(_PATHS), value=_VALUES)
@example(path=("hold_out", "one_in"), value=float("inf"))
@example(path=("network", "embedding"), value=0)
@example(path=("network", "hidden"), value=10**30)
def test_an_edited_configuration_is_refused_or_harmless(saved: Path, path: Sequence[str], value: object) -> None:
    with _copy(saved) as folder:
        _edit(folder, path, value)
        _assert_refused_or_whole(folder)


def _assert_refused_or_whole(folder: Path) -> None:
    try:
        bundle = load_bundle(folder)
    except BundleError as error:
        refusal = str(error)
        assert len(refusal.splitlines()) == 1
        return
    assert bundle.vocabulary.characters == VOCABULARY.characters
    assert bundle.network.config.hidden == 6


@pytest.mark.parametrize("content", [b"", b"[]", b"7", b"\xff", b"[" * 100_000, b"[" + b"1" * 5000 + b"]"])
def test_a_configuration_that_is_none_is_refused(saved: Path, content: bytes) -> None:
    with _copy(saved) as folder:
        (folder / "config.json").write_bytes(content)
        with pytest.raises(BundleError):
            load_bundle(folder)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'{"characters": 5}', b'{"characters": "\xe6\x9c\x88"}', b'{"characters": ["ab"]}']
)
def test_a_vocabulary_of_another_make_is_refused_even_with_its_checksum(saved: Path, content: bytes) -> None:
    with _copy(saved) as folder:
        _replace(folder, "vocabulary.json", content)
        with pytest.raises(BundleError):
            load_bundle(folder)


def test_weights_of_another_make_are_refused_even_with_their_checksum(saved: Path, bundle_folder: Path) -> None:
    for content in (b"", b"\x80\x04pickle", (bundle_folder / "model.safetensors").read_bytes()):
        with _copy(saved) as folder:
            _replace(folder, "model.safetensors", content)
            with pytest.raises(BundleError, match="is damaged"):
                load_bundle(folder)


def test_a_bundle_of_a_later_format_says_so(saved: Path) -> None:
    with _copy(saved) as folder:
        _edit(folder, ("format",), 3)
        with pytest.raises(BundleError, match=r"has format 3, this version of shiren reads format 2"):
            load_bundle(folder)


def test_the_configuration_names_the_rule_of_the_hold_out(saved: Path) -> None:
    config: Mapping[str, Any] = json.loads((saved / "config.json").read_text(encoding="utf-8"))
    assert config["hold_out"] == {"rule": "sha256/7", "one_in": 7}


def test_a_bundle_of_the_format_without_prosody_is_still_read(saved: Path) -> None:
    with _copy(saved) as folder:
        _edit(folder, ("format",), 1)
        bundle = load_bundle(folder)
    assert bundle.prosody is None
    assert bundle.vocabulary.characters == VOCABULARY.characters


@pytest.fixture(scope="session")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with prosody."""
    folder = tmp_path_factory.mktemp("saved") / "tuned"
    network = _network().grown(sizes_with_controls(len(PROSODY.classes)))
    save_bundle(folder, network, VOCABULARY, HOLD_OUT, METADATA, PROSODY)
    return folder


def test_prosody_comes_back_as_it_was_saved(tuned: Path) -> None:
    bundle = load_bundle(tuned)
    assert bundle.prosody is not None
    assert bundle.prosody.level_shares == PROSODY.level_shares
    assert bundle.prosody.classes == PROSODY.classes
    assert sorted(file.name for file in tuned.iterdir()) == sorted([*FILES, "prosody.json"])


def test_a_bundle_made_before_the_dynasty_was_told_is_still_read(tmp_path: Path) -> None:
    before = dict(list(sizes_with_controls(len(PROSODY.classes)).items())[:-1])
    save_bundle(tmp_path / "old", _network().grown(before), VOCABULARY, HOLD_OUT, METADATA, PROSODY)
    assert "dynasty" not in load_bundle(tmp_path / "old").network.config.conditions


def test_prosody_without_a_network_that_heeds_it_is_refused(saved: Path, tuned: Path) -> None:
    with _copy(saved) as folder:
        _edit(folder, ("sha256", "prosody.json"), "")
        _replace(folder, "prosody.json", (tuned / "prosody.json").read_bytes())
        with pytest.raises(BundleError, match="conditions are not known here"):
            load_bundle(folder)


def test_a_network_that_heeds_prosody_without_it_is_refused(tuned: Path) -> None:
    with _copy(tuned) as folder:
        _edit(folder, ("sha256",), {name: sha256((folder / name).read_bytes()).hexdigest() for name in FILES[1:]})
        with pytest.raises(BundleError, match="conditions are not known here"):
            load_bundle(folder)


@pytest.mark.parametrize("spoil", [Path.unlink, lambda file: file.write_bytes(b"{}")], ids=["missing", "another"])
def test_damaged_prosody_is_refused(tuned: Path, spoil: Callable[[Path], object]) -> None:
    with _copy(tuned) as folder:
        spoil(folder / "prosody.json")
        with pytest.raises(BundleError, match=r"prosody\.json"):
            load_bundle(folder)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"7", b'{"level_shares": [], "classes": []}'])
def test_prosody_of_another_make_is_refused_even_with_its_checksum(tuned: Path, content: bytes) -> None:
    with _copy(tuned) as folder:
        _replace(folder, "prosody.json", content)
        with pytest.raises(BundleError, match="damaged"):
            load_bundle(folder)


def _without_its_own_checksum(folder: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    del config["sha256"]["config.json"]
    return config


def test_a_bundle_made_before_the_configuration_had_a_checksum_is_still_read(tuned: Path) -> None:
    with _copy(tuned) as folder:
        (folder / "config.json").write_text(json.dumps(_without_its_own_checksum(folder)), encoding="utf-8")
        assert load_bundle(folder).metadata == METADATA


def test_a_checksum_under_another_name_does_not_pass_for_none(tuned: Path) -> None:
    with _copy(tuned) as folder:
        config = _without_its_own_checksum(folder)
        config["sha256"]["config.jsoo"] = "0"
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        with pytest.raises(BundleError, match="checksums of unknown files"):
            load_bundle(folder)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("metrics", "perplexity"), 2.0),
        (("training", "epochs"), 2),
        (("hold_out", "one_in"), 8),
        (("network", "dropout"), 0.4),
        (("corpus",), {}),
    ],
)
def test_a_configuration_that_says_something_else_is_refused(tuned: Path, path: Sequence[str], value: object) -> None:
    with _copy(tuned) as folder:
        edit(folder / "config.json", path, lambda _: value)
        with pytest.raises(BundleError, match=r"config\.json does not match its own checksum"):
            load_bundle(folder)


@pytest.mark.parametrize("characters", ["", "月月", "月\n", "月a", "月\ud800", "月\u0301", "\uf9d1", ["月"], None])
def test_a_vocabulary_of_anything_but_different_chinese_characters_is_refused(saved: Path, characters: object) -> None:
    with _copy(saved) as folder:
        _replace(folder, "vocabulary.json", json.dumps({"characters": characters}).encode())
        with pytest.raises(BundleError, match="vocabulary"):
            load_bundle(folder)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("level_shares", "月"), 1.5),
        (("level_shares", "月"), -0.1),
        (("level_shares", "月"), float("nan")),
        (("level_shares", "月"), "0.5"),
        (("level_shares",), {"月山": 0.5}),
        (("classes", 0, "share"), 2),
        (("classes", 0, "share"), float("inf")),
        (("classes", 0, "tone"), "any"),
        (("classes", 0, "sure"), "水"),
        (("classes", 0, "sure"), "月月"),
        (("classes", 0, "sure"), "a"),
        (("classes", 0), {"tone": "oblique", "sure": "", "loose": "", "share": 0.5}),
        (("classes", 0), {"tone": "oblique", "sure": "月"}),
    ],
)
def test_prosody_out_of_its_range_is_refused(tuned: Path, path: Sequence[str | int], value: object) -> None:
    with _copy(tuned) as folder:
        edit(folder / "prosody.json", path, lambda _: value)
        reseal(folder)
        with pytest.raises(BundleError, match="prosody of the bundle is damaged"):
            load_bundle(folder)
