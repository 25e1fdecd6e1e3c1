import json
from datetime import UTC, datetime

import pytest

from bot.i18n import Language, Strings
from bot.services.favorites import Favorite
from bot.services.poems import ShownPoem
from bot.ui.favorites_file import FavoritesFile, FileKind
from tests.bot.library import poem_row

WRITTEN, KEPT, ASKED = (datetime(2026, 1, day, 12, tzinfo=UTC) for day in (1, 2, 3))


def kept(lines: str, script: str = "simplified") -> Favorite:
    row = poem_row(lines, user_id=10**17, guild_id=10**18, script=script)
    row.id, row.created_at, row.kind, row.mood = 7, WRITTEN, "poem", "lively"
    return Favorite(ShownPoem.from_row(row), KEPT)


FAVORITES = [kept("雲深不見鳥 風起白雲飛"), kept("雲外一聲鐘", "traditional")]


def exported(kind: FileKind, strings: Strings) -> str:
    file = FavoritesFile(kind, ASKED, strings)
    for favorite in FAVORITES:
        file.add([favorite])
    assert file.count == len(FAVORITES)
    return file.content().decode()


def test_text_has_a_poem_after_the_other(strings: Strings) -> None:
    assert exported(FileKind.TEXT, strings) == (
        "《雲》\n云深不见鸟，\n风起白云飞。\nkept 2026-01-02\n\n《雲》\n雲外一聲鐘。\nkept 2026-01-02\n"
    )


def test_markdown_has_headings_and_breaks_lines(strings: Strings) -> None:
    assert exported(FileKind.MARKDOWN, strings) == (
        "# Your favorites\n\n## 《雲》\n\n云深不见鸟，  \n风起白云飞。\n\n*kept 2026-01-02*\n"
        "\n## 《雲》\n\n雲外一聲鐘。\n\n*kept 2026-01-02*\n"
    )


def test_json_tells_all_of_a_poem_and_nothing_of_who_asked_for_it(strings: Strings) -> None:
    content = json.loads(exported(FileKind.JSON, strings))
    assert (content["format"], content["exported_at"]) == (1, ASKED.isoformat())
    first, second = content["poems"]
    assert first == {
        "start": "雲",
        "kind": "poem",
        "form": 5,
        "style": "free",
        "pattern": None,
        "script": "simplified",
        "mood": "lively",
        "seed": 1,
        "model": "made",
        "lines": ["云深不见鸟", "风起白云飞"],
        "traditional": ["雲深不見鳥", "風起白雲飛"],
        "written_at": WRITTEN.isoformat(),
        "kept_at": KEPT.isoformat(),
    }
    assert second["lines"] == ["雲外一聲鐘"]
    assert str(10**17) not in json.dumps(content)


@pytest.mark.parametrize("language", Language)
def test_people_read_it_in_their_language(language: Language) -> None:
    strings = Strings.load(language)
    assert strings("favorites.kept_at", when="2026-01-02") in exported(FileKind.TEXT, strings)
    assert exported(FileKind.MARKDOWN, strings).startswith(f"# {strings('favorites.title')}\n")


def test_files_have_the_usual_endings() -> None:
    assert [FavoritesFile(kind, ASKED, Strings({})).name for kind in FileKind] == [
        "favorites.txt",
        "favorites.md",
        "favorites.json",
    ]
