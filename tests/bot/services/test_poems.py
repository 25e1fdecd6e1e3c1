import pytest

from bot.db.engine import Sessions
from bot.errors import BotError
from bot.services import Services
from bot.services.poems import Poems
from poetry_model.form import punctuate
from poetry_model.poem import PoemRequest
from poetry_model.script import Script
from tests.bot.conftest import Rows


async def test_a_written_poem_is_found_again_as_it_was(services: Services) -> None:
    written = await services.poems.write(PoemRequest.checked("春", 7, 2), user_id=1, guild_id=2)
    assert await services.poems.get(written.id) == written


async def test_a_written_poem_is_what_the_live_model_composes(services: Services) -> None:
    request = PoemRequest.checked("春", 7, 2, seed=5)
    written = await services.poems.write(request, user_id=1, guild_id=2)
    poem = await services.models.composer.compose(request)
    assert (written.traditional, written.lines, written.text) == (poem.traditional, poem.lines, poem.text)
    assert (written.model, written.user_id, written.form) == (services.models.live_version, 1, 7)


async def test_a_poem_is_kept_in_traditional_characters_with_what_repeats_it(services: Services, rows: Rows) -> None:
    request = PoemRequest.checked("云", seed=5)
    written = await services.poems.write(request, user_id=1, guild_id=None)
    [(traditional, script, seed, model)] = rows("SELECT traditional, script, seed, model FROM poems")
    assert traditional.startswith("雲")
    assert written.text.startswith("云")
    assert (script, seed, model) == ("simplified", 5, services.models.live_version)


async def test_a_poem_asked_for_in_traditional_characters_is_shown_in_them(services: Services) -> None:
    request = PoemRequest.checked("雲", script=Script.TRADITIONAL)
    written = await services.poems.write(request, user_id=1, guild_id=None)
    found = await services.poems.get(written.id)
    assert found.text == punctuate(found.traditional)
    assert found.text.startswith("雲")


async def test_every_poem_has_an_id_of_its_own(services: Services) -> None:
    request = PoemRequest.checked("月", seed=1)
    written = [await services.poems.write(request, user_id=1, guild_id=None) for _ in range(3)]
    assert len({poem.id for poem in written}) == 3
    assert len({poem.text for poem in written}) == 1


async def test_another_is_asked_for_like_the_first_with_another_seed(services: Services) -> None:
    request = PoemRequest.checked("雲", 7, 3, seed=1, script=Script.TRADITIONAL)
    written = await services.poems.write(request, user_id=1, guild_id=None)
    again = written.again(written.script)
    assert (again.start, again.form, again.lines, again.script) == ("雲", 7, 3, Script.TRADITIONAL)
    assert again.seed != written.again(written.script).seed


async def test_a_poem_that_does_not_exist_is_an_error_with_a_sentence(services: Services) -> None:
    with pytest.raises(BotError) as caught:
        await services.poems.get(404)
    assert caught.value.key == "poem.unknown"


async def test_the_id_of_a_deleted_poem_is_never_given_again(services: Services, rows: Rows) -> None:
    first = await services.poems.write(PoemRequest.checked("月"), user_id=1, guild_id=None)
    rows("DELETE FROM poems")
    second = await services.poems.write(PoemRequest.checked("月"), user_id=1, guild_id=None)
    assert second.id > first.id


async def test_the_largest_id_discord_has_is_kept_whole(services: Services, rows: Rows) -> None:
    await services.poems.write(PoemRequest.checked("月"), user_id=2**63 - 1, guild_id=2**63 - 2)
    assert rows("SELECT user_id, guild_id FROM poems") == [(2**63 - 1, 2**63 - 2)]


async def test_a_poem_survives_the_service(services: Services, sessions: Sessions) -> None:
    written = await services.poems.write(PoemRequest.checked("月"), user_id=1, guild_id=None)
    assert await Poems(services.models.composer, sessions).get(written.id) == written
