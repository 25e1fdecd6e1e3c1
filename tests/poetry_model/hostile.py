"""What a hostile hand can do to files: change bytes and JSON at will, and make every checksum right again."""

import json
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from poetry_model.reading import digest

Place = Sequence[str | int]
"""Keys and indices from the top of a JSON value to a place in it."""

NUMBERS = st.sampled_from(
    [
        *(0, -1, 1, 2, 3, 7, 2**31, 2**63, 10**30, 10**400, True, False, 0.5, -0.0, 1e-320, 1e308),
        *(float("nan"), float("inf"), float("-inf")),
    ]
)
TEXTS = st.sampled_from(
    ["", "月", "月山", "\ud800", "\n", "\0", "@", "é", "e\u0301", "𠀀", "\uf9d1", "any", "lstm", "9" * 5000]
)
_TOML = (
    *("[[a]]", "[a.b]", "\n", " = ", ".", "{", "}", "[", "]", ",", '"', '"""', "#", "\0", "\ud800"),
    *("true", "nan", "inf", "-1", "1e999", "0xffff", "1979-05-27", '"a\\nb"'),
    *("9" * 5000, "0x" + "f" * 5000, '"' + "a" * 500 + '"', "[" * 2000, "a" + ".a" * 500),
)


def toml_words(*own: str) -> st.SearchStrategy[list[str]]:
    """Pieces of a TOML file, those that its reader knows (`own`) among them; joined, they seldom make one."""
    return st.lists(st.sampled_from([*own, *_TOML]) | st.text(max_size=4), max_size=12)


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=6,
)
"""JSON of the kinds that readers stumble over."""


_MOST = 2**28
"""Bytes, beyond which no checksum is made."""


def reseal(folder: Path) -> None:
    """Make the checksums of a bundle right, whatever its files say, as far as its configuration can hold them."""
    file = folder / "config.json"
    try:
        config = json.loads(_content(file))
        checksums = config["sha256"]
        for name in [name for name in checksums if (folder / name).is_file()]:
            checksums[name] = sha256(_content(folder / name)).hexdigest()
        checksums.pop("config.json", None)
        checksums["config.json"] = digest(config)
    except (ValueError, LookupError, TypeError, AttributeError, OSError, RecursionError):
        return
    file.write_text(json.dumps(config), encoding="utf-8")


def _content(file: Path) -> bytes:
    """What is in a file, where that is something."""
    if not file.is_file() or file.stat().st_size > _MOST:
        raise OSError(file)
    return file.read_bytes()


def edit(file: Path, path: Place, change: Callable[[Any], Any]) -> None:
    """Put what `change` makes of it in the place of one value of a JSON file."""
    content = json.loads(file.read_text(encoding="utf-8"))
    if not path:
        content = change(content)
    else:
        holder = content
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = change(holder[path[-1]])
    file.write_text(json.dumps(content), encoding="utf-8")


def delete(file: Path, path: Place) -> None:
    """Take one value out of a JSON file."""

    def without(holder: Any) -> Any:
        del holder[path[-1]]
        return holder

    edit(file, path[:-1], without)


def paths(content: Any, at: Place = ()) -> Iterator[Place]:
    """All places in a JSON value, of long lists the first ones."""
    yield at
    if isinstance(content, dict):
        for key in list(content)[:12]:
            yield from paths(content[key], (*at, key))
    elif isinstance(content, list):
        for index in range(min(len(content), 2)):
            yield from paths(content[index], (*at, index))


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Some bytes with a few flipped, cut out, doubled or put in."""
    damage = bytearray(content)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, max(len(damage) - 1, 0)))
        match draw(st.sampled_from(["flip", "cut", "double", "insert", "end"])):
            case "flip" if damage:
                damage[place] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del damage[place : place + draw(st.integers(1, 40))]
            case "double":
                damage[place:place] = damage[place : place + draw(st.integers(1, 40))]
            case "insert":
                damage[place:place] = draw(st.binary(min_size=1, max_size=6))
            case "end":
                del damage[place:]
    return bytes(damage)
