"""What was found in a corpus that somebody sent."""

from bot.i18n import Strings
from bot.services.uploads import UploadSummary


def upload_report(summary: UploadSummary, strings: Strings) -> str:
    """What was kept and dropped, a line each."""
    lines = [
        strings("upload.kept", kept=summary.kept, characters=summary.characters, held_back=summary.held_back),
        *(_dropped(reason, count, strings) for reason, count in sorted(summary.dropped.items())),
    ]
    if summary.is_simplified:
        lines.append(strings("upload.simplified"))
    return "\n".join(lines)


def _dropped(reason: str, count: int, strings: Strings) -> str:
    match reason:
        case "irregular":
            return strings("upload.irregular", count=count)
        case "unreadable":
            return strings("upload.unreadable", count=count)
        case "duplicate":
            return strings("upload.duplicate", count=count)
        case "too_long":
            return strings("upload.too_long", count=count)
        case _:
            return strings("upload.blank", count=count)
