from tests.bot.world import World, embed_of, shown, told

EMPTY = "You have not kept a poem yet. Ask for one with /poem and press ❤ under it."


async def test_whoever_kept_nothing_is_told_how_to_begin(world: World) -> None:
    result = await world.favorites()
    assert embed_of(result).description == EMPTY
    assert shown(result).components == []


async def test_a_kept_poem_is_listed_with_its_text(world: World) -> None:
    poem = await world.poem()
    await world.alice.click(shown(poem), label="Favorite")
    embed = embed_of(await world.favorites())
    [field] = embed.fields
    assert field.name == "1. 《月》"
    first, *_ = str(embed_of(poem).description).split("，")
    assert str(field.value).startswith(f"{first}…")
    assert embed.footer.text == "Page 1 of 1 · 1 kept"


async def test_the_list_is_for_the_caller_alone(world: World) -> None:
    await world.alice.click(shown(await world.poem()), label="Favorite")
    result = await world.favorites()
    assert shown(result).ephemeral
    assert shown(result).id not in {message.id for message in world.seen_by(world.bob)}


async def test_nobody_finds_what_another_kept(world: World) -> None:
    await world.alice.click(shown(await world.poem()), label="Favorite")
    assert embed_of(await world.favorites(world.bob)).description == EMPTY


async def test_what_was_kept_in_a_server_is_found_in_direct_messages(world: World) -> None:
    await world.bob.click(shown(await world.poem()), label="Favorite")
    result = await world.bob.user.slash("favorites")
    assert shown(result).ephemeral
    assert [field.name for field in embed_of(result).fields] == ["1. 《月》"]


async def test_the_list_is_acknowledged_before_the_database_is_asked(world: World) -> None:
    await world.favorites()
    announced, answered = world.env.http_requests[-2:]
    assert (announced.json or {}) == {"type": 5, "data": {"flags": 64}}
    assert answered.method == "PATCH"


async def test_favorites_survive_a_restart(world: World) -> None:
    await world.alice.click(shown(await world.poem()), label="Favorite")
    await world.restart()
    assert [field.name for field in embed_of(await world.favorites()).fields] == ["1. 《月》"]


async def test_a_database_that_fails_is_answered_in_one_sentence(world: World, logged_errors: list[str]) -> None:
    async with world.services.favorites._sessions() as session:
        connection = await session.connection()
        await connection.exec_driver_sql("DROP TABLE favorites")
        await session.commit()
    assert told(await world.favorites()).startswith("I can't reach my notebook just now")
    assert len(logged_errors) == 1
    logged_errors.clear()
