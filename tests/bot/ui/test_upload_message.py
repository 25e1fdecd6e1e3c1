from bot.i18n import Strings
from bot.services.uploads import UploadSummary
from bot.ui.upload_message import upload_report


def test_what_was_kept_and_dropped_is_told_by_reason(strings: Strings) -> None:
    dropped = {"irregular": 1200, "unreadable": 3, "duplicate": 4, "too_long": 5, "empty": 6}
    told = upload_report(UploadSummary(1500, 30_000, dropped, 70, is_simplified=False), strings).split("\n")
    assert told == [
        "Kept: 1,500 poems (30,000 characters), 70 of them held back to examine the new model.",
        "Dropped: 4 that stood there before.",
        "Dropped: 6 without a line.",
        "Dropped: 1,200 whose lines don't all have five, or all have seven, characters.",
        "Dropped: 5 that are too long.",
        "Dropped: 3 with something other than Chinese characters in a line.",
    ]


def test_simplified_verse_is_warned_of(strings: Strings) -> None:
    told = upload_report(UploadSummary(1, 5, {}, 0, is_simplified=True), strings)
    assert "convert it first" in told
