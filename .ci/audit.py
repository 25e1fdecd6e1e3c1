"""Looks the packages of requirements.lock up in PyPI's advisories, with pip-audit; `make audit`.

The exit code is 1 when one of them is known to be vulnerable. Where pip-audit cannot be installed, or nobody answers
for the packages, it says that it skips the audit, and the exit code is 0.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_AUDITOR = "pip-audit==2.10.1"

_ROOT = Path(__file__).parents[1]
_LOCK = _ROOT / "requirements.lock"

# Its own: the thirty packages that pip-audit brings would double what is locked, installed and audited.
_ENVIRONMENT = _ROOT / ".venv-audit"

_PATIENCE = 300.0
"""Seconds."""


class SkippedError(Exception):
    """Nothing can be said; the message says why."""


def main() -> int:
    """Audit the lock; the exit code."""
    try:
        told = judge(ask(install()))
    except SkippedError as reason:
        print(f"audit skipped: {reason}")
        return 0
    print("audit: " + told.replace("\n", "\naudit: "))
    return int("\n" in told)


def install() -> list[str]:
    """The command that audits the lock; `SkippedError` where pip-audit cannot be had."""
    python = _ENVIRONMENT / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    marker = _ENVIRONMENT / _AUDITOR
    if not marker.exists():
        pip = [str(python), "-m", "pip", "install", "--quiet", "--retries", "1", "--timeout", "15", _AUDITOR]
        for command in ([sys.executable, "-m", "venv", "--clear", str(_ENVIRONMENT)], pip):
            code, _, complaint = _run(command)
            if code:
                raise SkippedError(f"{_AUDITOR} cannot be installed ({_last_line(complaint)})")
        marker.touch()
    # The lock names everything, so nothing needs to be resolved or installed.
    lock = ["--requirement", str(_LOCK), "--no-deps", "--disable-pip"]
    return [str(python), "-m", "pip_audit", *lock, "--format", "json", "--progress-spinner", "off"]


def ask(command: Sequence[str]) -> list[dict[str, Any]]:
    """What pip-audit says of each package; `SkippedError` when it says nothing."""
    _, said, complaint = _run(command)
    try:
        dependencies: list[dict[str, Any]] = json.loads(said)["dependencies"]
    except (ValueError, KeyError, TypeError):
        raise SkippedError(f"pip-audit comes to no result ({_last_line(complaint)})") from None
    return dependencies


def judge(dependencies: Sequence[dict[str, Any]]) -> str:
    """The result, a line more for each vulnerability; `SkippedError` when no package was known.

    To pip-audit, a package that the index has no advisories page for is no error: an index without any, such as a
    mirror, would pass for one that knows of no vulnerability.
    """
    known = [each for each in dependencies if "skip_reason" not in each]
    if not known:
        raise SkippedError("the index answers, but has no advisories")
    unknown = [each["name"] for each in dependencies if "skip_reason" in each]
    found = [
        f"{each['name']} {each['version']}: {vulnerability['id']},"
        f" fixed in {', '.join(vulnerability['fix_versions']) or 'no version yet'}"
        for each in known
        for vulnerability in each["vulns"]
    ]
    told = f"{len(known)} packages looked up, vulnerabilities known: {len(found)}"
    if unknown:
        told += f"; not known to the index: {', '.join(unknown)}"
    if found:
        told = "\n".join([told, *found, "`make lock` takes the newest versions that pyproject.toml allows"])
    return told


def _run(command: Sequence[str]) -> tuple[int, str, str]:
    """Exit code, output and complaints."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)  # noqa: S603 # our own words
    except subprocess.TimeoutExpired:
        return 1, "", f"no answer within {_PATIENCE:g} s"
    return done.returncode, done.stdout, done.stderr


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]


if __name__ == "__main__":
    sys.exit(main())
