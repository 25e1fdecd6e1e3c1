"""The public corpus as its pinned commit has it: which files there are, and the SHA-256 of each."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Self

from poetry_model.corpus import Dynasty

_LIST = Path(__file__).with_name("upstream.json")


@dataclass(frozen=True, slots=True)
class Upstream:
    """One commit of chinese-poetry on GitHub."""

    repository: str
    """`owner/name`."""
    commit: str
    licence: str
    sha256: dict[str, str]
    """Path in the repository → SHA-256 of the file, in hexadecimal."""

    @classmethod
    def load(cls) -> Self:
        """The commit whose list ships with the package."""
        content: dict[str, Any] = json.loads(_LIST.read_text(encoding="utf-8"))
        return cls(**content)

    @property
    def address(self) -> str:
        """Where GitHub serves the files, up to their paths."""
        return f"https://raw.githubusercontent.com/{self.repository}/{self.commit}"

    def files(self, dynasties: Iterable[Dynasty] = (Dynasty.TANG,)) -> dict[str, str]:
        """Path → SHA-256 of what belongs to `dynasties`: the verse, and its tones where the repository has them."""
        patterns = [dynasty.pattern for dynasty in dynasties]
        return {
            path: digest
            for path, digest in self.sha256.items()
            if any(PurePosixPath(path).match(pattern) for pattern in patterns)
        }
