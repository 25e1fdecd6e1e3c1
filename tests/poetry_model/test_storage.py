from pathlib import Path

import pytest

from poetry_model.storage import recover, replacing


def test_a_new_folder_appears_whole_with_its_parents(tmp_path: Path) -> None:
    destination = tmp_path / "a" / "b"
    with replacing(destination) as new:
        (new / "file").write_text("月", encoding="utf-8")
        assert not destination.exists()
    assert (destination / "file").read_text(encoding="utf-8") == "月"
    assert list(destination.parent.iterdir()) == [destination]


def test_an_old_folder_is_replaced_whole(tmp_path: Path) -> None:
    destination = tmp_path / "model"
    for name in ("old", "new"):
        with replacing(destination) as new:
            (new / name).touch()
    assert [file.name for file in destination.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [destination]


def test_others_may_read_what_was_written(tmp_path: Path) -> None:
    with replacing(tmp_path / "model"):
        pass
    assert (tmp_path / "model").stat().st_mode & 0o777 == 0o755


def _write_and_fail(destination: Path, error: BaseException) -> None:
    with replacing(destination) as new:
        (new / "new").touch()
        raise error


@pytest.mark.parametrize("error", [ValueError(), KeyboardInterrupt()])
def test_an_error_leaves_what_was_there(tmp_path: Path, error: BaseException) -> None:
    destination = tmp_path / "model"
    destination.mkdir()
    (destination / "old").touch()
    with pytest.raises(type(error)):
        _write_and_fail(destination, error)
    assert [file.name for file in tmp_path.rglob("*")] == ["model", "old"]


def test_a_failed_swap_brings_the_old_folder_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    destination = tmp_path / "model"
    with replacing(destination) as new:
        (new / "old").touch()
    rename = Path.rename

    def fail_into_place(self: Path, target: Path) -> Path:
        if target == destination and (self / "new").exists():
            raise OSError("no")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_into_place)
    with pytest.raises(OSError, match="no"), replacing(destination) as new:
        (new / "new").touch()
    assert (destination / "old").exists()


def test_a_crash_between_the_two_changes_of_name_is_made_good(tmp_path: Path) -> None:
    destination = tmp_path / "model"
    outgoing = tmp_path / ".model.old.abc"
    (outgoing / "model").mkdir(parents=True)
    (outgoing / "model" / "old").touch()
    recover(destination)
    assert [file.name for file in tmp_path.rglob("*")] == ["model", "old"]


def test_what_stands_in_its_place_stays(tmp_path: Path) -> None:
    (tmp_path / ".model.old.abc" / "model").mkdir(parents=True)
    with replacing(tmp_path / "model") as new:
        (new / "new").touch()
    recover(tmp_path / "model")
    assert [file.name for file in (tmp_path / "model").iterdir()] == ["new"]
