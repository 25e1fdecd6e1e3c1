import pytest

from bot.i18n import Language, Languages
from bot.services.reading import prepare
from tests.bot.conftest import Rows
from tests.bot.forgery import forge_command
from tests.bot.world import World, shown, told

NO_POEM = "I find no poem of mine in this message. Choose one that I wrote, with its buttons."
OPTIONS = "I can't take these options. Type the command anew, and choose from what Discord offers."
MENUS = ("Keep this poem", "Look at its metre", "Pinyin and meaning")


@pytest.fixture(scope="module", autouse=True)
def prepared() -> None:
    """On a busy machine, the first reader would wait for longer than SimCord does."""
    prepare()


async def test_the_menu_keeps_the_poem_of_a_message(world: World, rows: Rows) -> None:
    poem = shown(await world.poem())
    result = await world.bob.context_menu(world.channel, "Keep this poem", poem)
    assert told(result) == "❤ Kept. /favorites shows all you have kept."
    assert rows("SELECT user_id, poem_id FROM favorites") == [(world.bob.id, 1)]
    result = await world.bob.context_menu(world.channel, "Keep this poem", poem)
    assert told(result).startswith("You have kept this poem already")


async def test_the_menu_shows_what_the_buttons_show(world: World) -> None:
    poem = shown(await world.poem())
    by_menu = await world.bob.context_menu(world.channel, "Look at its metre", poem)
    assert told(by_menu) == told(await world.bob.click(poem, label="Metre"))
    by_menu = await world.bob.context_menu(world.channel, "Pinyin and meaning", poem)
    by_button = await world.bob.click(poem, label="Pinyin")
    assert shown(by_menu).ephemeral
    assert shown(by_menu).embeds == shown(by_button).embeds


async def test_the_menu_finds_the_poem_of_a_card(world: World, rows: Rows) -> None:
    card = shown(await world.bob.click(shown(await world.poem()), label="Card"))
    assert "Kept" in told(await world.bob.context_menu(world.channel, "Keep this poem", card))
    assert rows("SELECT user_id, poem_id FROM favorites") == [(world.bob.id, 1)]


@pytest.mark.parametrize("menu", MENUS)
async def test_any_other_message_has_one_sentence(world: World, rows: Rows, menu: str) -> None:
    words = await world.alice.send(world.channel, "shiren:favorite:1 月")
    kept = shown(await world.bob.click(shown(await world.poem()), label="Favorite"))
    for message in (words, kept):
        assert told(await world.bob.context_menu(world.channel, menu, message)) == NO_POEM
    assert rows("SELECT count(*) FROM favorites") == [(1,)]


@pytest.mark.parametrize("menu", MENUS)
async def test_the_buttons_of_another_bot_are_none_of_ours(
    world: World, rows: Rows, menu: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    poem = shown(await world.poem())
    # SimCord has one bot alone: another one's message is ours with another author.
    stored = world.env.backend.get_message(world.channel.id, poem.id)
    monkeypatch.setattr(stored, "author_id", world.admin.id)
    assert told(await world.bob.context_menu(world.channel, menu, poem)) == NO_POEM
    assert rows("SELECT count(*) FROM favorites") == [(0,)]


async def test_a_poem_that_is_not_remembered_is_said_to_be_gone(world: World, rows: Rows) -> None:
    poem = shown(await world.poem())
    rows("DELETE FROM poems")
    for menu in MENUS:
        answer = told(await world.bob.context_menu(world.channel, menu, poem))
        assert answer.startswith("I don't remember this poem any more")


async def test_a_choice_that_discord_would_not_send_is_refused(world: World, rows: Rows) -> None:
    poem = shown(await world.poem())
    for forged in (
        {},
        {"target_id": str(poem.id)},
        {"target_id": str(poem.id), "resolved": None},
        {"target_id": str(poem.id), "options": {"x": "x"}},
        {"target_id": "1", "resolved": {"messages": {str(poem.id): {}}}},
        {"target_id": str(poem.id), "resolved": {"messages": {"x": {}}}},
        {"target_id": str(world.bob.id), "resolved": {"users": {str(world.bob.id): {"id": str(world.bob.id)}}}},
    ):
        result = await forge_command(world, world.bob, "Keep this poem", type=3, **forged)
        assert told(result) == OPTIONS, forged
    assert rows("SELECT count(*) FROM favorites") == [(0,)]


async def test_the_menus_are_offered_in_every_language(world: World) -> None:
    [registered] = [request.json for request in world.env.http_requests if request.method == "PUT"]
    assert registered is not None
    names = {each["name"]: each["name_localizations"] for each in registered if each["type"] == 3}
    assert names == {
        "Keep this poem": {"zh-CN": "收藏这首诗", "zh-TW": "收藏這首詩"},
        "Look at its metre": {"zh-CN": "看格律", "zh-TW": "看格律"},
        "Pinyin and meaning": {"zh-CN": "拼音和释义", "zh-TW": "拼音與釋義"},
    }


@pytest.mark.parametrize("language", Language)
def test_a_menu_s_name_is_as_short_as_discord_wants(languages: Languages, language: Language) -> None:
    for key in ("keep", "metre", "reading"):
        assert len(languages(language)(f"menu.command.{key}")) <= 32
