"""What the bot is: the model that writes, how good it is, and what it learned from."""

from collections.abc import Iterator

import discord

from bot.i18n import Strings
from bot.services.model_facts import ModelFacts
from bot.ui.poem_message import COLOUR
from poetry_model.upstream import Upstream


def about_embed(facts: ModelFacts, corpus: Upstream, strings: Strings) -> discord.Embed:
    """All of it."""
    embed = discord.Embed(title=strings("about.title"), description=strings("about.intro"), colour=COLOUR)
    said = strings("about.model_text", version=facts.version, parameters=facts.parameters)
    embed.add_field(name=strings("about.model"), value=said, inline=False)
    if figures := list(_figures(facts, strings)):
        embed.add_field(name=strings("about.figures"), value="\n".join(figures), inline=False)
    repository = f"https://github.com/{corpus.repository}"
    said = strings(
        "about.corpus_text",
        address=repository,
        name=corpus.repository,
        licence=corpus.licence,
        text=f"{repository}/blob/{corpus.commit}/LICENSE",
    )
    return embed.add_field(name=strings("about.corpus"), value=said, inline=False)


def _figures(facts: ModelFacts, strings: Strings) -> Iterator[str]:
    if facts.poems is not None and facts.held_back is not None:
        yield strings("about.poems", poems=facts.poems, held_back=facts.held_back)
    if facts.perplexity is not None:
        yield strings("about.perplexity", perplexity=facts.perplexity)
    if facts.perplexity_with_controls is not None:
        yield strings("about.controlled", perplexity=facts.perplexity_with_controls)
