import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "audit.py"

SOUND = {"name": "sound", "version": "1.0", "vulns": []}
WEAK = {
    "name": "weak",
    "version": "2.0",
    "vulns": [
        {"id": "PYSEC-1", "fix_versions": ["2.1", "3.0"], "aliases": [], "description": "…"},
        {"id": "PYSEC-2", "fix_versions": [], "aliases": [], "description": "…"},
    ],
}
UNKNOWN = {"name": "homemade", "skip_reason": "Dependency not found on PyPI"}


@pytest.fixture
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def says(text: str, code: int = 0) -> list[str]:
    """A command in place of pip-audit."""
    return [sys.executable, "-c", f"import sys; print({text!r}); print('why not', file=sys.stderr); sys.exit({code})"]


def report(*dependencies: dict[str, Any]) -> list[str]:
    """A command that answers as pip-audit does."""
    weak = any(each.get("vulns") for each in dependencies)
    return says(json.dumps({"dependencies": dependencies, "fixes": []}), code=int(weak))


def outcome(
    audit: ModuleType, command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    monkeypatch.setattr(audit, "install", lambda: command)
    return audit.main(), capsys.readouterr().out


def test_a_vulnerable_package_fails_the_audit_and_is_named_with_its_way_out(
    audit: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = outcome(audit, report(SOUND, WEAK), monkeypatch, capsys)
    assert code == 1
    assert said.splitlines() == [
        "audit: 2 packages looked up, vulnerabilities known: 2",
        "audit: weak 2.0: PYSEC-1, fixed in 2.1, 3.0",
        "audit: weak 2.0: PYSEC-2, fixed in no version yet",
        "audit: `make lock` takes the newest versions that pyproject.toml allows",
    ]


def test_packages_that_are_not_known_to_be_vulnerable_pass(
    audit: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert outcome(audit, report(SOUND, UNKNOWN), monkeypatch, capsys) == (
        0,
        "audit: 1 packages looked up, vulnerabilities known: 0; not known to the index: homemade\n",
    )


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        pytest.param(report(UNKNOWN), "the index answers, but has no advisories", id="a mirror without advisories"),
        pytest.param(report(), "the index answers, but has no advisories", id="nothing"),
        pytest.param(says("", 1), "pip-audit comes to no result (why not)", id="no network"),
        pytest.param(says("<html>"), "pip-audit comes to no result (why not)", id="an answer that is none"),
        pytest.param(says("[]"), "pip-audit comes to no result (why not)", id="an answer of another kind"),
    ],
)
def test_an_audit_that_cannot_be_made_is_skipped_aloud_in_one_line(
    audit: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    reason: str,
) -> None:
    assert outcome(audit, command, monkeypatch, capsys) == (0, f"audit skipped: {reason}\n")


def test_an_auditor_that_says_nothing_in_time_is_not_waited_for(
    audit: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit, "_PATIENCE", 0.2)
    silent = [sys.executable, "-c", "import time; time.sleep(60)"]
    code, said = outcome(audit, silent, monkeypatch, capsys)
    assert (code, said) == (0, "audit skipped: pip-audit comes to no result (no answer within 0.2 s)\n")


def test_a_pip_audit_that_cannot_be_installed_is_skipped_aloud(
    audit: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(audit, "_ENVIRONMENT", tmp_path / "environment")
    monkeypatch.setattr(audit, "_run", lambda command: (int("pip" in command), "", "no such index\n"))
    assert audit.main() == 0
    assert capsys.readouterr().out == "audit skipped: pip-audit==2.10.1 cannot be installed (no such index)\n"


def test_ci_audits_before_it_tests() -> None:
    lines = (SCRIPT.parent / "run").read_text(encoding="utf-8").splitlines()
    assert lines.index("make audit") < lines.index("make test") == len(lines) - 1
