"""The slash commands: parse, call a service, render.

Each module makes its commands from the strings of the server's language, so that no text is written in code.
"""

from typing import Any

from discord import app_commands

SlashCommand = app_commands.Command[Any, ..., None]
"""A command that belongs to no class."""
