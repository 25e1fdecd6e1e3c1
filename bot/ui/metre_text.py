"""格律: the metre of a poem in words and signs."""

from collections.abc import Iterable

from bot.i18n import Strings
from poetry_model.metre_view import Fault, MetreView, Rule, kind_name, rhyme_name
from poetry_model.prosody import Prosody, Tone
from poetry_model.script import Script, simplify

SIGNS = {Tone.LEVEL: "○", Tone.OBLIQUE: "●", Tone.ANY: "◐"}

_LIMIT = 2000
"""Characters of a Discord message."""

_SPACE = "\u3000"
"""As wide as a Chinese character."""

_UNKNOWN = "？"

_DIGITS = str.maketrans("0123456789", "０１２３４５６７８９")


def metre_text(view: MetreView, lines: Iterable[str], script: Script, prosody: Prosody, strings: Strings) -> str:
    """The message: kind and pattern, a table of the lines, the rhyme, and what is broken; it fits Discord's limit.

    lines: the poem's as its reader sees them.
    """
    shown = tuple(lines)
    parts = [
        f"**{_heading(view, script)}**",
        "```\n" + "\n".join(_rows(view, shown, script, prosody)) + "\n```\n" + strings("metre.legend"),
    ]
    if view.rhyme:
        parts.append(strings("metre.rhyme", characters=_in_script(rhyme_name(view.rhyme, prosody), script)))
    if not view.faults:
        parts.append(strings("metre.kept") if view.pattern else strings("metre.rhyme_kept"))
    text = "\n".join(parts)
    faults = [fault_sentence(fault, view, shown, script, prosody, strings) for fault in view.faults]
    for number, sentence in enumerate(faults):
        more = "\n" + strings("metre.more", count=len(faults) - number)
        if len(text) + 1 + len(sentence) > _LIMIT - (len(more) if number < len(faults) - 1 else 0):
            return text + more
        text += "\n" + sentence
    return text


def _heading(view: MetreView, script: Script) -> str:
    """五言絕句　仄起首句不入韻, say."""
    kind = kind_name(len(view.lines[0]), len(view.lines), regulated=view.pattern is not None)
    return _in_script(kind + (_SPACE + view.pattern.name if view.pattern else ""), script)


def _rows(view: MetreView, lines: tuple[str, ...], script: Script, prosody: Prosody) -> Iterable[str]:
    """A row a line: its number, its characters, its rhyme class, its tones.

    All are as wide as a Chinese character. The signs come last: some fonts have them narrower, and so nothing that
    follows could slip.
    """
    for number, (line, tones, rhyme) in enumerate(zip(lines, view.tones, view.rhymes, strict=True), start=1):
        name = _SPACE if rhyme is None else _rhyme_sign(rhyme, script, prosody)
        label = str(number).translate(_DIGITS).rjust(len(str(len(lines))), _SPACE)
        yield _SPACE.join((label, line, name, "".join(SIGNS[tone] for tone in tones)))


def _rhyme_sign(number: int, script: Script, prosody: Prosody) -> str:
    return _in_script(rhyme_name(number, prosody)[0], script) if number else _UNKNOWN


def fault_sentence(
    fault: Fault, view: MetreView, lines: tuple[str, ...], script: Script, prosody: Prosody, strings: Strings
) -> str:
    """What is broken, and where."""
    line, place, character = fault.line + 1, fault.place + 1, lines[fault.line][fault.place]
    wanted, found = _tone(fault.wanted, strings), _tone(fault.found, strings)
    match fault.rule:
        case Rule.TONE:
            text = strings("metre.tone", line=line, place=place, character=character, wanted=wanted, found=found)
        case Rule.LONE_LEVEL:
            text = strings("metre.lone_level", line=line, place=place, character=character)
        case Rule.THREE_ALIKE:
            text = strings("metre.three_level" if fault.found is Tone.LEVEL else "metre.three_oblique", line=line)
        case Rule.OPPOSITION:
            text = strings("metre.opposition", line=line, other=line - 1, wanted=wanted)
        case Rule.ADHESION:
            text = strings("metre.adhesion", line=line, other=line - 1, wanted=wanted)
        case Rule.REPEATED_RHYME:
            text = strings("metre.repeated_rhyme", line=line, character=character)
        case Rule.RHYME if rhyme := view.rhymes[fault.line]:
            rhymes, main = (_rhyme_sign(number, script, prosody) for number in (rhyme, view.rhyme))
            first = lines[view.rhymes.index(view.rhyme, 1)][-1]
            text = strings("metre.off_rhyme", line=line, character=character, rhyme=rhymes, main=main, first=first)
        case Rule.RHYME:
            text = strings("metre.unknown_rhyme", line=line, character=character)
    return text


def _tone(tone: Tone, strings: Strings) -> str:
    return strings("metre.level") if tone is Tone.LEVEL else strings("metre.oblique")


def _in_script(text: str, script: Script) -> str:
    return simplify(text) if script is Script.SIMPLIFIED else text
