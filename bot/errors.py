"""The errors a person is told of."""


class BotError(Exception):
    """A person is answered with the string `key` of `bot/locales`, filled with `values`."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.key = key
        self.values = values


class ConfigError(Exception):
    """The settings cannot be used; the message is one sentence for whoever hosts the bot."""
