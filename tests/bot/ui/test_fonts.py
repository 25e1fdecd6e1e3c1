import json
import shutil
from pathlib import Path

import pytest

from bot.errors import ConfigError
from bot.ui import fonts
from bot.ui.fonts import _COMMON, Face, find_fonts
from poetry_model.checkpoint import PRETRAINED
from poetry_model.script import Script, simplify
from tests.bot.ui.plain_font import make_font

SC, TC = "NotoSerifSC-Regular.otf", "NotoSerifTC-Regular.otf"


@pytest.fixture
def without_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the extra `card` is not installed."""
    monkeypatch.setattr(fonts, "_PACKAGED", {})


def test_each_script_is_drawn_in_its_own_forms_first() -> None:
    found = find_fonts(folders=[])
    assert found is not None
    assert found.names(Script.SIMPLIFIED) == (SC, TC, "rare.ttf")
    assert found.names(Script.TRADITIONAL) == (TC, SC, "rare.ttf")


def test_every_character_of_the_shipped_vocabulary_has_a_glyph_in_both_scripts() -> None:
    found = find_fonts(folders=[])
    assert found is not None
    content = json.loads((PRETRAINED / "vocabulary.json").read_text(encoding="utf-8"))
    characters = [character for character in content["characters"] if len(character) == 1]
    assert len(characters) > 5000
    assert [character for character in characters if not found.face_of(character, Script.TRADITIONAL)] == []
    simplified = simplify("\n".join(characters)).split("\n")
    # 𰬸 is drawn as 繐.
    assert {character for character in simplified if not found.face_of(character, Script.SIMPLIFIED)} <= {"𰬸"}


def test_what_the_first_font_lacks_the_next_one_draws(tmp_path: Path) -> None:
    first = make_font(tmp_path / "first.ttf", "月", 0.9)
    found = find_fonts(str(first), [])
    assert found is not None
    for script, name in ((Script.SIMPLIFIED, SC), (Script.TRADITIONAL, TC)):
        faces = [found.face_of(character, script) for character in "月山𢬵"]
        assert [face.path.name for face in faces if face] == ["first.ttf", name, "rare.ttf"]


def test_a_character_that_no_font_has_has_no_face() -> None:
    found = find_fonts(folders=[])
    assert found is not None
    assert found.face_of("\U0002ebf0", Script.SIMPLIFIED) is None


@pytest.mark.usefixtures("without_packages")
def test_without_a_font_for_common_characters_there_are_none(tmp_path: Path) -> None:
    assert find_fonts(folders=[]) is None
    assert find_fonts(folders=[tmp_path / "missing"]) is None
    make_font(tmp_path / "LXGWWenKai-Regular.ttf", "月", 0.9)
    assert find_fonts(folders=[tmp_path]) is None


@pytest.mark.usefixtures("without_packages")
def test_fonts_that_the_system_has_are_found_by_their_files(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    make_font(tmp_path / "deep" / "NotoSerifSC-Regular.otf", _COMMON, 0.9)
    make_font(tmp_path / "LXGWWenKai-Regular.ttf", _COMMON, 0.9)
    make_font(tmp_path / "Unheard.ttf", _COMMON, 0.9)
    found = find_fonts(folders=[tmp_path])
    assert found is not None
    assert found.names(Script.SIMPLIFIED) == ("LXGWWenKai-Regular.ttf", SC, "rare.ttf")


@pytest.mark.usefixtures("without_packages")
def test_a_damaged_font_of_the_system_is_passed_over_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "LXGWWenKai-Regular.ttf").write_bytes(b"\x00\x01\x00\x00 no font")
    make_font(tmp_path / "NotoSerifSC-Regular.otf", _COMMON, 0.9)
    found = find_fonts(folders=[tmp_path])
    assert found is not None
    assert found.names(Script.SIMPLIFIED) == (SC, "rare.ttf")
    assert "LXGWWenKai-Regular.ttf cannot be read as a font" in caplog.text


def test_a_font_can_be_named_by_its_family_whatever_its_file_is_called(tmp_path: Path) -> None:
    make_font(tmp_path / "x-Bold.ttf", "月", 0.9, family="Brush")
    make_font(tmp_path / "x-Regular.ttf", "月", 0.9, family="Brush")
    make_font(tmp_path / "other.ttf", "月", 0.9, family="Other")
    found = find_fonts("brush", [tmp_path])
    assert found is not None
    assert found.names(Script.TRADITIONAL)[0] == "x-Regular.ttf"


@pytest.mark.parametrize("wanted", ["Nothing of this name", "missing.ttf", "damaged.ttf"])
def test_a_font_that_is_wanted_and_not_there_is_a_configuration_error(tmp_path: Path, wanted: str) -> None:
    (tmp_path / "damaged.ttf").write_bytes(b"no font")
    if wanted.endswith(".ttf"):
        wanted = str(tmp_path / wanted)
    with pytest.raises(ConfigError, match=r"^card\.font: .*\.$"):
        find_fonts(wanted, [tmp_path])


def test_a_file_given_without_its_home_is_found_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    make_font(tmp_path / "own.ttf", "月", 0.9)
    found = find_fonts("~/own.ttf", [])
    assert found is not None
    assert found.names(Script.SIMPLIFIED)[0] == "own.ttf"


def test_the_middle_of_a_square_is_where_its_ink_is(tmp_path: Path) -> None:
    assert Face(make_font(tmp_path / "a.ttf", "國", 0.8)).middle == pytest.approx(0.38, abs=0.01)
    shutil.copy(tmp_path / "a.ttf", tmp_path / "b.ttf")
    assert Face(make_font(tmp_path / "b.ttf", "一", 0.2)).middle == 0.38
