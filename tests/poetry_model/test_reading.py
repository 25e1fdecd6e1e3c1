import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poetry_model.reading import digest, parse_json, read_file, shown

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


def test_a_file_is_read_up_to_its_limit_and_not_beyond(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"12345")
    assert read_file(file, 5) == b"12345"
    with pytest.raises(OSError, match="larger than") as caught:
        read_file(file, 4)
    assert caught.value.strerror == "it is larger than 0 MiB"


@pytest.mark.parametrize("place", ["/dev/null", "/dev/zero", "."])
def test_what_is_no_regular_file_is_not_read(place: str) -> None:
    with pytest.raises(OSError, match="it is no regular file"):
        read_file(Path(place), 5)


@given(_JSON)
def test_json_comes_back_as_it_was_written(content: object) -> None:
    assert parse_json(json.dumps(content).encode()) == content


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        b"[" * 100_000,
        b'{"a": 1, "a": 1}',
        b'[{"b": {"a": 1, "a": 2}}]',
        b"9" * 5000,
    ],
)
def test_what_is_no_json_or_says_a_thing_twice_is_an_error_of_one_kind(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        parse_json(content)


@given(st.dictionaries(st.text(), _JSON, max_size=4))
def test_a_digest_looks_at_what_is_said_and_not_at_the_layout(table: dict[str, object]) -> None:
    laid_out = json.dumps(dict(reversed(table.items())), indent=3, ensure_ascii=True)
    assert digest(json.loads(laid_out)) == digest(table)
    assert digest({**table, "more": 1}) != digest({**table, "more": 2})


def test_what_nests_deeper_than_it_can_be_written_has_no_digest() -> None:
    nested: dict[str, object] = {}
    for _ in range(5000):
        nested = {"a": nested}
    with pytest.raises(ValueError, match="nests too deep"):
        digest(nested)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("月", "'月'"),
        ("a\nb", r"'a\nb'"),
        ("\ud800", r"'\ud800'"),
        (10**10_000, "a int too large to show"),
        ("x" * 500, "'" + "x" * 78 + "…"),
    ],
    ids=["character", "lines", "half a character", "number of pages", "text of pages"],
)
def test_a_foreign_value_is_shown_on_one_short_line(value: object, said: str) -> None:
    assert shown(value) == said
