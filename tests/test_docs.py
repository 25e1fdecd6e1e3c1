"""The pages keep their word: what they link to is there, on that line, and the commands they show are understood."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from poetry_model.__main__ import _parser

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("poetry_model/pretrained/*.md")])

# A text may hold brackets where it is code.
_LINK = re.compile(r"\[((?:`[^`\n]*`|[^\[\]`])*)\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_ELSEWHERE = re.compile(r"[a-z]+:")

_each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def _links(page: Path) -> Iterator[tuple[str, Path, str]]:
    """Text, file and fragment of each link that stays in the repository."""
    for text, address in _LINK.findall(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        if not _ELSEWHERE.match(address):
            path, _, fragment = address.partition("#")
            yield text, (page.parent / path).resolve() if path else page, fragment


def _holding(lines: list[str], code: str) -> list[int]:
    """Numbers of the lines that hold `code`; where it is a name, of those that define it."""
    name = rf"\s*(?:def|class) {code}\b" if code.isidentifier() else rf".*{re.escape(code)}"
    return [number for number, line in enumerate(lines, start=1) if re.match(name, line)]


def _faults(page: Path) -> Iterator[str]:
    """What is wrong with the links of a page."""
    for text, file, fragment in _links(page):
        if not file.exists():
            yield f"[{text}]: there is no {file}"
        elif fragment.startswith("L"):
            found = _holding(file.read_text(encoding="utf-8").splitlines(), text.strip("`"))
            if fragment not in {f"L{number}" for number in found}:
                yield f"[{text}] points at {file.name}#{fragment}, but stands on {found or 'no line'}"
        elif fragment:
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            if fragment not in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}:
                yield f"[{text}]: {file.name} has no heading #{fragment}"


@_each_page
def test_every_link_leads_to_a_file_and_to_the_line_it_names(page: Path) -> None:
    assert list(_faults(page)) == []


def test_the_page_on_the_lstm_links_every_function_of_the_derivation() -> None:
    named = {text.strip("`") for text, _, fragment in _links(ROOT / "docs" / "lstm.md") if fragment}
    source = (ROOT / "poetry_model" / "numpy_lstm.py").read_text(encoding="utf-8")
    steps = set(re.findall(r"def (_through_\w+|_\w+_slopes|_to_parameters|sigmoid|log_softmax)\(", source))
    assert len(steps) == 9
    assert steps <= named


@pytest.mark.parametrize(
    ("link", "fault"),
    [
        ("[`twice`](code.py#L4)", None),
        ("[`twice`](code.py#L1)", r"stands on \[4\]"),
        ("[`twi`](code.py#L4)", "stands on no line"),
        ("[`table[1] =`](code.py#L2)", None),
        ("[`table[1] =`](code.py#L5)", r"stands on \[2\]"),
        ("[`twice`](code.py)", None),
        ("![a plot](plot.svg)", "there is no"),
        ("[above](#the-way-down)", None),
        ("[above](#the-way-up)", "no heading"),
        ("[elsewhere](https://example.org/none.py#L1)", None),
    ],
)
def test_a_link_that_went_stale_is_found(tmp_path: Path, link: str, fault: str | None) -> None:
    (tmp_path / "code.py").write_text(
        "twice = None\ntable[1] = 2\n\ndef twice():\n    return table\n", encoding="utf-8"
    )
    page = tmp_path / "page.md"
    page.write_text(f"# The way down\n\nSee {link}, please.\n\n```\n[not](a link)\n```\n", encoding="utf-8")
    faults = list(_faults(page))
    assert len(faults) == (fault is not None)
    assert all(re.search(fault, said) for said in faults if fault)


@_each_page
def test_every_command_of_the_pages_is_understood(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As people read them: at a terminal, where `poem` may be left to ask.
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    for block in _FENCE.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith("python -m poetry_model "):
                _parser().parse_args(shlex.split(line, comments=True)[3:])


_TEST = re.compile(r"`(tests/[\w/]+\.py)((?:::\w+)*)`")


def _holds(tree: ast.Module, names: list[str]) -> bool:
    """Whether the tests of a file hold one, `Class::test` say."""
    body: list[ast.stmt] = tree.body
    for name in names:
        held = [node for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)]
        found = next((node for node in held if node.name == name), None)
        if found is None:
            return False
        body = found.body
    return True


def test_every_promise_names_tests_that_there_are() -> None:
    page = ROOT / "docs" / "operations.md"
    tables = page.read_text(encoding="utf-8").split("| promise | held by |\n| --- | --- |\n")[1:]
    promises = [line for table in tables for line in table.split("\n\n")[0].splitlines()]
    assert len(promises) > 40
    for promise in promises:
        named = _TEST.findall(promise)
        assert named, promise
        for file, names in named:
            tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
            assert _holds(tree, names.split("::")[1:]), f"{file}{names} is not there"
