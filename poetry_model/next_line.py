"""Whether a line goes on from those before it as the rules of regulated verse want."""

from collections.abc import Sequence
from dataclasses import replace

from poetry_model.metre import Pattern, ending_breaches, patterns, tone_breaches
from poetry_model.metre_view import MetreView, view_metre
from poetry_model.prosody import Prosody


def view_next_line(written: Sequence[str], line: str, prosody: Prosody) -> MetreView:
    """How `written` and `line`, in traditional characters and of one length, sound; the faults are those of `line`.

    The pattern is one that the lines before break least, and among these the one that suits the line: whoever wrote
    the others has chosen it.
    """
    lines = (*written, line)

    def breaches(pattern: Pattern) -> tuple[int, int]:
        broken = tone_breaches(lines, pattern, prosody) + ending_breaches(lines, pattern, prosody)
        before = sum(breach.line < len(written) for breach in broken)
        return before, len(broken) - before

    pattern = min(patterns(len(line), len(lines)), key=breaches)
    view = view_metre(lines, prosody, pattern=pattern.name)
    return replace(view, faults=tuple(fault for fault in view.faults if fault.line == len(written)))
