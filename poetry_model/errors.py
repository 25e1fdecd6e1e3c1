"""The errors a person can put right. Each message is one sentence that says how."""

BAD_INPUT = 2
"""Exit code of a command that was given what it cannot use."""

INTERRUPTED = 130
"""Exit code of a command that Ctrl-C ended, as shells have it."""


class PoetryError(Exception):
    """Base of every error this package raises on purpose."""


class CorpusError(PoetryError):
    """The corpus folder cannot be used; the message names the file and what to do."""


class DownloadError(PoetryError):
    """A file of the public corpus cannot be had as it should be, or not be written."""


class BundleError(PoetryError):
    """A model bundle is missing, damaged or of another format; the message names it."""


class TrainingError(PoetryError):
    """A training run cannot start or go on."""


class RequestError(PoetryError):
    """A poem was asked for in a way that cannot be answered.

    `code` is stable and names the problem, `details` holds the values the sentence mentions, so that a front end can
    say the same in another language.
    """

    def __init__(self, code: str, message: str, **details: object) -> None:
        super().__init__(message)
        self.code = code
        self.details = details
