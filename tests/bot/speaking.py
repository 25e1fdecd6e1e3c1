"""The one place where tests say which language somebody's Discord is in: SimCord 3.2.1 says en-US for everyone."""

from typing import Any

import discord
import pytest


class Speaking:
    """Whose Discord is in which language; en-US for all others."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._locales: dict[int, discord.Locale] = {}
        read = discord.Interaction._from_data

        def read_spoken(interaction: discord.Interaction, data: Any) -> None:
            user = data.get("member", data)["user"]
            locale = self._locales.get(int(user["id"]), discord.Locale.american_english)
            data["locale"] = locale.value
            read(interaction, data)

        monkeypatch.setattr(discord.Interaction, "_from_data", read_spoken)

    def set(self, user_id: int, locale: discord.Locale) -> None:
        """From now on the person's Discord is in `locale`."""
        self._locales[user_id] = locale
