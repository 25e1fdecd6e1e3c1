"""How a poem is read aloud, and what its words mean, for those who do not read Chinese."""

from collections.abc import Iterator
from dataclasses import dataclass

from bot.services.dictionary import NO_TONE, meaning_of
from bot.services.poems import ShownPoem
from poetry_model.metre import patterns
from poetry_model.prosody import Tone
from poetry_model.script import simplify

_FEET = {5: (2, 3), 7: (2, 2, 3)}
"""Characters that are read together; no word of a poem goes over the pause between them."""

_OF_VERSE = {"着": "zhuó", "了": "liǎo"}
"""Readings where pypinyin has that of today's particle, which verse does not know."""

_LEVEL, _OBLIQUE = ("1", "2"), ("3", "4")
"""Figures of today's tones. What was level is the first or the second; the other way round it does not hold."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a line."""

    text: str
    """As the reader sees it."""
    senses: tuple[str, ...]
    """In English; none where the dictionary lacks it."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a poem."""

    text: str
    """As the reader sees it."""
    pinyin: tuple[str, ...]
    """A syllable a character; a character whose reading is not known stands for itself."""
    words: tuple[Word, ...]


def prepare() -> None:
    """Read the dictionaries, half a second's work that the first reader waits for otherwise; some 90 MB. Blocks."""
    list(_foot("月", "月", (Tone.ANY,)))


def read_poem(poem: ShownPoem) -> tuple[Line, ...]:
    """Every line of the poem; blocks, and the first call does what `prepare` does."""
    return tuple(
        _read(shown, line, tones) for shown, line, tones in zip(poem.lines, poem.traditional, _tones(poem), strict=True)
    )


def _tones(poem: ShownPoem) -> tuple[tuple[Tone, ...], ...]:
    """The tone of each place, as far as the poem's pattern says."""
    for pattern in patterns(poem.form, len(poem.traditional)):
        if pattern.name == poem.pattern:
            return tuple(line.wanted for line in pattern.lines)
    return ((Tone.ANY,) * poem.form,) * len(poem.traditional)


def _read(shown: str, traditional: str, tones: tuple[Tone, ...]) -> Line:
    words: list[tuple[Word, tuple[str, ...]]] = []
    start = 0
    for length in _FEET[len(traditional)]:
        foot = slice(start, start + length)
        words += _foot(shown[foot], traditional[foot], tones[foot])
        start += length
    pinyin = tuple(syllable for _, syllables in words for syllable in syllables)
    return Line(shown, pinyin, tuple(word for word, _ in words))


def _foot(shown: str, traditional: str, tones: tuple[Tone, ...]) -> Iterator[tuple[Word, tuple[str, ...]]]:
    """Its words, each with its pinyin: the longest that the dictionary has, from its beginning; else its characters."""
    pinyin = _pinyin(simplify(traditional), tones)
    start = 0
    while start < len(traditional):
        for end in range(len(traditional), start, -1):
            figures = tuple(map(_figure, pinyin[start:end]))
            meaning = meaning_of(traditional[start:end], figures)
            if meaning is None and end > start + 1:
                continue
            as_read = pinyin[start:end]
            if meaning is not None and meaning.pinyin != figures:
                as_read = [_mark(syllable) for syllable in meaning.pinyin]
            yield Word(shown[start:end], meaning.senses if meaning else ()), tuple(as_read)
            start = end
            break


def _pinyin(simplified: str, tones: tuple[Tone, ...]) -> list[str]:
    """A syllable a character, with the marks of tones. Simplified, because pypinyin knows phrases so."""
    # What it loads takes sixty megabytes, and whoever reads Chinese never asks for it.
    from pypinyin import Style, lazy_pinyin  # noqa: PLC0415 # see above

    read = lazy_pinyin(simplified, style=Style.TONE)
    if len(read) != len(simplified):
        # It gives characters that it does not know in one piece.
        read = [lazy_pinyin(character, style=Style.TONE)[0] for character in simplified]
    return [
        _in_verse(character, syllable, tone) for character, syllable, tone in zip(simplified, read, tones, strict=True)
    ]


def _in_verse(character: str, syllable: str, tone: Tone) -> str:
    """The reading in verse, where today's, `syllable`, is another."""
    from pypinyin import Style, pinyin  # noqa: PLC0415 # as in _pinyin

    has_none, is_off = _figure(syllable).endswith(NO_TONE), tone is Tone.LEVEL and _figure(syllable).endswith(_OBLIQUE)
    if not (has_none or is_off):
        return syllable
    if has_none and character in _OF_VERSE:
        return _OF_VERSE[character]
    # 琵琶 is pípa today, and 看 is kàn: in verse every character has a tone, and where a level one is wanted it is kān.
    [every] = pinyin(character, style=Style.TONE, heteronym=True)
    wanted = _LEVEL if is_off else (*_LEVEL, *_OBLIQUE)
    return next((other for other in every if _figure(other).endswith(wanted)), syllable)


def _figure(syllable: str) -> str:
    """lǜ → lv4."""
    from pypinyin.contrib.tone_convert import to_tone3  # noqa: PLC0415 # as in _pinyin

    return str(to_tone3(syllable, neutral_tone_with_five=True, v_to_u=False)).replace("ü", "v")


def _mark(syllable: str) -> str:
    """lv4 → lǜ."""
    from pypinyin.contrib.tone_convert import to_tone  # noqa: PLC0415 # as in _pinyin

    return str(to_tone(syllable)).replace("v", "ü")
