"""`/model`."""

import discord
from discord import app_commands

from bot.authority import may_retrain
from bot.cogs import SlashCommand
from bot.i18n import Strings
from bot.services.versions import VersionState
from bot.text import clean
from bot.ui.delivery import show
from bot.ui.host import host_of, owners_only, strings_for
from bot.ui.model_message import comparison_embed, history_embed, state_name, status_embed
from bot.ui.responses import answer_error, answer_privately

_CHOICES = 25
"""As many as Discord offers."""

_LONGEST_NAME = 64
"""Characters of a version that are looked at; those there are have twelve."""

_Name = app_commands.Range[str, 1, _LONGEST_NAME]


def model_commands(strings: Strings) -> app_commands.Group:
    """What the owner does with the models there are."""
    group = app_commands.Group(
        name=strings.said("model.command.name"),
        description=strings.said("model.command.description"),
        # As with `/retrain`: a hint to Discord, checked on our side.
        default_permissions=discord.Permissions(administrator=True),
    )
    for make in (_status, _history, _use, _rollback, _compare, _cancel):
        group.add_command(make(strings))
    return group


def _status(strings: Strings) -> SlashCommand:
    @app_commands.command(
        name=strings.said("model.command.status"), description=strings.said("model.command.status_description")
    )
    @owners_only
    async def status(interaction: discord.Interaction) -> None:
        services = host_of(interaction).services
        versions = await services.models.versions.all()
        live = next((version for version in versions if version.name == services.models.live_version), None)
        on_disk = sum(version.state is not VersionState.REMOVED for version in versions)
        embed = status_embed(
            live,
            await services.retraining.tenure(),
            await services.retraining.last_interrupted(),
            on_disk,
            await strings_for(interaction),
            awaited=services.models.awaited,
        )
        await show(interaction, embed=embed)

    return status


def _history(strings: Strings) -> SlashCommand:
    @app_commands.command(
        name=strings.said("model.command.history"), description=strings.said("model.command.history_description")
    )
    @owners_only
    async def history(interaction: discord.Interaction) -> None:
        models = host_of(interaction).services.models
        versions = await models.versions.all()
        embed = history_embed(versions, models.live_version, await strings_for(interaction))
        await show(interaction, embed=embed)

    return history


def _use(strings: Strings) -> SlashCommand:
    @app_commands.command(
        name=strings.said("model.command.use"), description=strings.said("model.command.use_description")
    )
    @app_commands.rename(version=strings.said("model.option.version"), force=strings.said("model.option.force"))
    @app_commands.describe(version=strings.said("model.command.version"), force=strings.said("model.command.force"))
    @app_commands.autocomplete(version=_complete)
    @owners_only
    async def use(interaction: discord.Interaction, version: _Name, force: bool = False) -> None:  # noqa: FBT001, FBT002 # an option of the command
        version = clean(version, _LONGEST_NAME)
        await host_of(interaction).services.models.use(version, force=force)
        strings = await strings_for(interaction)
        await answer_privately(interaction, strings("model.live_now", version=version))

    return use


def _rollback(strings: Strings) -> SlashCommand:
    @app_commands.command(
        name=strings.said("model.command.rollback"), description=strings.said("model.command.rollback_description")
    )
    @owners_only
    async def rollback(interaction: discord.Interaction) -> None:
        models = host_of(interaction).services.models
        before = await models.rollback()
        strings = await strings_for(interaction)
        await answer_privately(interaction, strings("model.rolled_back", before=before, version=models.live_version))

    return rollback


def _compare(strings: Strings) -> SlashCommand:
    @app_commands.command(
        name=strings.said("model.command.compare"), description=strings.said("model.command.compare_description")
    )
    @app_commands.rename(a=strings.said("model.option.a"), b=strings.said("model.option.b"))
    @app_commands.describe(a=strings.said("model.command.a"), b=strings.said("model.command.b"))
    @app_commands.autocomplete(a=_complete, b=_complete)
    @owners_only
    async def compare(interaction: discord.Interaction, a: _Name, b: _Name) -> None:
        a, b = clean(a, _LONGEST_NAME), clean(b, _LONGEST_NAME)
        pairs = await host_of(interaction).services.models.compare(a, b)
        embed = comparison_embed(a, b, pairs, await strings_for(interaction))
        await show(interaction, embed=embed)

    return compare


def _cancel(strings: Strings) -> SlashCommand:
    @app_commands.command(
        name=strings.said("model.command.cancel"), description=strings.said("model.command.cancel_description")
    )
    @owners_only
    async def cancel(interaction: discord.Interaction) -> None:
        await host_of(interaction).services.retraining.cancel()
        strings = await strings_for(interaction)
        await answer_privately(interaction, strings("retrain.cancelling"))

    return cancel


async def _complete(interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
    """The versions that can be named, for those who may; others learn nothing."""
    try:
        return await _choices(interaction, typed)
    except Exception as error:  # noqa: BLE001 # as for a command, though nobody can be told
        await answer_error(interaction, error, await strings_for(interaction))
        return []


async def _choices(interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
    host = host_of(interaction)
    if not await may_retrain(interaction, host.retrain_settings):
        return []
    models, strings = host.services.models, await strings_for(interaction)
    # Whatever type a hand-made one has.
    part = clean(str(typed), _LONGEST_NAME).lower()
    return [
        app_commands.Choice(
            name=strings("model.choice", version=version.name, state=state_name(version, models.live_version, strings)),
            value=version.name,
        )
        for version in await models.versions.all()
        if version.state is not VersionState.REMOVED and part in version.name
    ][:_CHOICES]
