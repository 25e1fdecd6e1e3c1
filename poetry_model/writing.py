"""What the commands of the command line do that compose.

They stand apart from those that train: who asks for a poem waits for every import.
"""

import json
import sys
from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict, replace
from io import TextIOWrapper
from typing import Any

from poetry_model.checkpoint import PRETRAINED, load_bundle
from poetry_model.devices import choose_device
from poetry_model.errors import BAD_INPUT, RequestError
from poetry_model.mood import Mood
from poetry_model.poem import MAX_SEED, Poem, PoemRequest, Style
from poetry_model.poet import Poet
from poetry_model.sampled import SampledPoet, make_poet
from poetry_model.script import Script

_BATCH = 64
"""Poems composed at a time."""


Ask = Callable[[str], PoemRequest]
"""Makes a request of what was typed."""


def poem(options: Namespace) -> int:
    """`poem`: poems from a start, from each line of standard input, or from what is answered on the terminal."""
    if options.start is None:
        from poetry_model import asking  # noqa: PLC0415 # for the terminal alone

        # What is wrong with the other options is said before the questions.
        _poem_request(options, "月")
        answers = asking.ask(options.form, options.lines)
        if answers is None:
            return 0
        options = Namespace(**vars(options) | asdict(answers))
    return _compose(options, lambda start: _poem_request(options, start))


def acrostic(options: Namespace) -> int:
    """`acrostic`: poems whose lines begin with given characters."""
    return _compose(options, lambda heads: PoemRequest.acrostic(heads, options.form, **_sampling(options)))


def continue_line(options: Namespace) -> int:
    """`continue`: poems that go on from a first line, in its form."""
    return _compose(options, lambda line: PoemRequest.continued(line, options.lines, **_sampling(options)))


def _poem_request(options: Namespace, start: str) -> PoemRequest:
    return PoemRequest.checked(start, options.form, options.lines, rhyme=options.rhyme or "", **_sampling(options))


def _sampling(options: Namespace) -> dict[str, Any]:
    """What all three are asked alike."""
    return {
        "seed": options.seed,
        "temperature": options.temperature,
        "script": Script(options.script),
        "style": Style(options.style),
        "candidates": options.candidates,
        "mood": Mood(options.mood),
    }


def _compose(options: Namespace, ask: Ask) -> int:
    poet = make_poet(load_bundle(options.model or PRETRAINED), choose_device(options.device))
    if options.start != "-":
        _print_poems(poet, options, ask(options.start))
        return 0
    code = 0
    if isinstance(sys.stdin, TextIOWrapper):
        # What is not UTF-8 is refused like anything else that is not Han.
        sys.stdin.reconfigure(errors="surrogateescape")
    for line in sys.stdin:
        try:
            _print_poems(poet, options, ask(line))
        except RequestError as error:
            print(error, file=sys.stderr, flush=True)
            code = BAD_INPUT
    return code


def _print_poems(poet: Poet | SampledPoet, options: Namespace, first: PoemRequest) -> None:
    for begin in range(0, options.count, _BATCH):
        numbers = range(begin, min(begin + _BATCH, options.count))
        requests = [replace(first, seed=(first.seed + number) % (MAX_SEED + 1)) for number in numbers]
        for written in poet.compose(requests):
            print(_as_json(written) if options.json else written.text + "\n", flush=True)


def _as_json(written: Poem) -> str:
    request = written.request
    return json.dumps(
        {
            "start": request.heads or request.start,
            "form": request.form,
            "lines": written.lines,
            "text": written.text,
            "script": request.script,
            "style": request.style,
            "seed": request.seed,
            "mood": request.mood,
            "temperature": request.temperature,
            "candidates": request.candidates,
            "model": written.model,
            "pattern": written.pattern,
            "rhyme": written.rhyme,
            "tones": written.tones,
            "breaches": [asdict(breach) for breach in written.breaches],
            "likelihood": written.likelihood,
        },
        ensure_ascii=False,
    )
