"""What Discord takes in one message; the first thing wrong is named, as its form errors do."""

from collections.abc import Iterator
from typing import Any

from benchmarks.standin.payloads import Json

_ROW = 1
_BUTTON = 2
_SELECTS = frozenset({3, 5, 6, 7, 8})
_TEXT_DISPLAY = 10
_LAID_OUT = 1 << 15
"""The flag of a message made of components alone."""

_MOST = {
    "content": 2000,
    "embeds": 10,
    "embeds.text": 6000,
    "rows": 5,
    "row": 5,
    "laid out": 40,
    "laid out.text": 4000,
    "options": 25,
    "fields": 25,
    "choices": 25,
}

_EMBED_TEXTS = (
    (("title",), 256),
    (("description",), 4096),
    (("footer", "text"), 2048),
    (("author", "name"), 256),
)

_COMPONENT_TEXTS = (("label", 80), ("placeholder", 150), ("content", 4000))


def message_fault(body: Json) -> str | None:
    """The first thing about a message that Discord would refuse, or None."""
    return next(_message_faults(body), None)


def modal_fault(body: Json) -> str | None:
    """The first thing about a modal that Discord would refuse, or None."""
    return next(_modal_faults(body), None)


def choices_fault(body: Json) -> str | None:
    """The first thing about autocompletion that Discord would refuse, or None."""
    choices = body.get("choices") or []
    if len(choices) > _MOST["choices"]:
        return "choices: too many"
    return next(("choices.name: length" for choice in choices if not 1 <= len(choice["name"]) <= 100), None)  # noqa: PLR2004 # Discord's figure


def is_empty(body: Json) -> bool:
    """Whether nothing would be seen."""
    return not any(body.get(part) for part in ("content", "embeds", "attachments", "components"))


def _message_faults(body: Json) -> Iterator[str]:
    if len(body.get("content") or "") > _MOST["content"]:
        yield "content: too long"
    embeds = body.get("embeds") or []
    if len(embeds) > _MOST["embeds"]:
        yield "embeds: too many"
    for embed in embeds:
        yield from _embed_faults(embed)
    if sum(len(text) for embed in embeds for text in _texts_of(embed)) > _MOST["embeds.text"]:
        yield "embeds: too long together"
    yield from _component_faults(body.get("components") or [], laid_out=bool(int(body.get("flags") or 0) & _LAID_OUT))


def _embed_faults(embed: Json) -> Iterator[str]:
    for path, most in _EMBED_TEXTS:
        if len(_at(embed, path)) > most:
            yield f"embeds.{'.'.join(path)}: too long"
    fields = embed.get("fields") or []
    if len(fields) > _MOST["fields"]:
        yield "embeds.fields: too many"
    for field in fields:
        if not 1 <= len(field.get("name") or "") <= 256:  # noqa: PLR2004 # Discord's figure
            yield "embeds.fields.name: length"
        if not 1 <= len(field.get("value") or "") <= 1024:  # noqa: PLR2004 # Discord's figure
            yield "embeds.fields.value: length"


def _texts_of(embed: Json) -> Iterator[str]:
    for path, _ in _EMBED_TEXTS:
        yield _at(embed, path)
    for field in embed.get("fields") or []:
        yield field.get("name") or ""
        yield field.get("value") or ""


def _at(value: Json, path: tuple[str, ...]) -> str:
    found: Any = value
    for name in path:
        found = (found or {}).get(name)
    return found or ""


def _component_faults(components: list[Json], *, laid_out: bool) -> Iterator[str]:
    every = list(_walk(components))
    if laid_out:
        if len(every) > _MOST["laid out"]:
            yield "components: too many"
        if sum(len(part["content"]) for part in every if part["type"] == _TEXT_DISPLAY) > _MOST["laid out.text"]:
            yield "components: too long together"
    elif any(part["type"] != _ROW for part in components):
        yield "components: not in rows"
    elif len(components) > _MOST["rows"]:
        yield "components: too many rows"
    ids = [part["custom_id"] for part in every if part.get("custom_id") is not None]
    if len(set(ids)) < len(ids):
        yield "components.custom_id: twice"
    for part in every:
        yield from _one_component(part)


def _one_component(part: Json) -> Iterator[str]:
    inside = part.get("components") or []
    if part["type"] == _ROW:
        if not 1 <= len(inside) <= _MOST["row"]:
            yield "components: a row holds 1 to 5"
        if len(inside) > 1 and any(one["type"] != _BUTTON for one in inside):
            yield "components: a menu has a row to itself"
    if "custom_id" in part and not 1 <= len(part["custom_id"]) <= 100:  # noqa: PLR2004 # Discord's figure
        yield "components.custom_id: length"
    for name, most in _COMPONENT_TEXTS:
        if len(part.get(name) or "") > most:
            yield f"components.{name}: too long"
    if part["type"] == _BUTTON and not (part.get("label") or part.get("emoji")):
        yield "components: a button without a face"
    if part["type"] in _SELECTS and "options" in part:
        yield from _option_faults(part["options"])


def _option_faults(options: list[Json]) -> Iterator[str]:
    if not 1 <= len(options) <= _MOST["options"]:
        yield "components.options: 1 to 25"
    for option in options:
        for name in ("label", "value", "description"):
            if len(option.get(name) or "") > 100:  # noqa: PLR2004 # Discord's figure
                yield f"components.options.{name}: too long"


def _modal_faults(body: Json) -> Iterator[str]:
    if not 1 <= len(body.get("title") or "") <= 45:  # noqa: PLR2004 # Discord's figure
        yield "title: length"
    if not 1 <= len(body.get("custom_id") or "") <= 100:  # noqa: PLR2004 # Discord's figure
        yield "custom_id: length"
    if not 1 <= len(body.get("components") or []) <= _MOST["rows"]:
        yield "components: 1 to 5"


def _walk(components: list[Json]) -> Iterator[Json]:
    for part in components:
        yield part
        yield from _walk(part.get("components") or [])
        accessory = part.get("accessory")
        if accessory:
            yield from _walk([accessory])
