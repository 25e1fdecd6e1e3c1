"""What the tests of `poetry_model` share."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import poetry_model
from poetry_model.__main__ import main
from poetry_model.corpus import Verse
from poetry_model.holdout import HoldOut, Split
from poetry_model.vocabulary import Vocabulary
from tests.poetry_model.host import Host


@pytest.fixture
def write_corpus(tmp_path: Path) -> Callable[[object], Path]:
    """Write what is given as the one file of a corpus, and return the folder."""

    def write(content: object) -> Path:
        folder = tmp_path / "corpus"
        folder.mkdir()
        (folder / "poet.tang.0.json").write_text(json.dumps(content), encoding="utf-8")
        return folder

    return write


@pytest.fixture(scope="session")
def split(verses: tuple[Verse, ...]) -> Split:
    """The two sides of the small corpus."""
    return HoldOut().split(verses)


@pytest.fixture(scope="session")
def vocabulary(split: Split) -> Vocabulary:
    """The characters of the training side."""
    return Vocabulary.from_texts(verse.text for verse in split.training)


@pytest.fixture(scope="session")
def real_corpus_folder() -> Path:
    """The verse that the shipped model learned from, where it is at hand."""
    default = Path(poetry_model.__file__).parents[1].parent / "shared" / "corpus"
    folder = Path(os.environ.get("SHIREN_CORPUS", default))
    if not folder.is_dir():
        pytest.skip(f"the real corpus is not in {folder}; SHIREN_CORPUS names its folder")
    return folder


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run one command; gives its exit code, its output and what it said on standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:  # argparse's way to refuse
            code = int(end.code or 0)
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """A web server on this machine, never asked through a proxy."""
    monkeypatch.setenv("no_proxy", "*")
    server = Host()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()
    thread.join()
