"""What lies on disk: the one place that knows where."""

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

_LIKE_BUNDLES = 20
"""Room a training needs, in bundles: one holds its weights in half precision, a saved run in full precision four times
(as they are, the best, two moments of the optimizer), and a run is saved beside the one saved before."""


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The files of one run, beside each other in the folder of models."""

    folder: Path
    name: str

    @classmethod
    def of(cls, folder: Path, run_id: int, started_at: datetime) -> "RunFiles":
        """Those of a run."""
        # The time keeps apart what runs of an earlier database left in the same folder.
        return cls(folder, f"run-{run_id}-{started_at:%Y%m%d%H%M%S}")

    @property
    def bundle(self) -> Path:
        """The new model."""
        return self.folder / self.name

    @property
    def partial(self) -> Path:
        """The training as it was last saved; `poetry_model train` puts it there."""
        return self._beside("partial")

    @property
    def log(self) -> Path:
        """What the training process complained of."""
        return self._beside("log")

    @property
    def plan(self) -> Path:
        """How it trains, for when it is to go on."""
        return self._beside("plan.json")

    @property
    def favorites(self) -> Path:
        """The favorites it learns from."""
        return self._beside("favorites.json")

    @property
    def corpus(self) -> Path:
        """The corpus that was sent for it."""
        return self._beside("corpus")

    def can_go_on(self) -> bool:
        """Whether there is anything to resume; blocks, as do the methods below."""
        return self.plan.is_file() and (self.partial.is_dir() or self.bundle.is_dir())

    @property
    def takeovers(self) -> Path:
        """How far it had come each time that a process took it over."""
        return self._beside("takeovers")

    def progress(self) -> str:
        """How far it has come, as one line: another one whenever it was saved; blocks, as do the methods below."""
        saved = [path.stat() for folder in (self.partial, self.bundle) for path in sorted(folder.glob("*"))]
        return " ".join(f"{found.st_mtime_ns}:{found.st_size}" for found in saved) or "nothing"

    def remove_work(self) -> None:
        """Delete all but the bundle and the log."""
        for path in (self.partial, self.corpus):
            shutil.rmtree(path, ignore_errors=True)
        for path in (self.plan, self.favorites, self.takeovers):
            path.unlink(missing_ok=True)

    def remove_all(self) -> None:
        """Delete all but the log."""
        self.remove_work()
        shutil.rmtree(self.bundle, ignore_errors=True)

    def _beside(self, kind: str) -> Path:
        return self.folder / f"{self.name}.{kind}"


@dataclass(frozen=True, slots=True)
class Room:
    """Space on a disk, in bytes."""

    free: int
    needed: int


def room_for_training(folder: Path, model: Path) -> Room:
    """What there is where `folder` is or will be, and what a training of a model like the one in `model` needs."""
    standing = next(place for place in (folder, *folder.absolute().parents) if place.is_dir())
    return Room(shutil.disk_usage(standing).free, _LIKE_BUNDLES * folder_size(model))


def folder_size(folder: Path) -> int:
    """Bytes of the files in a folder; 0 when there is none."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
