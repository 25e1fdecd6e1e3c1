"""Every language says everything, in its own script, and names commands as its readers see them."""

import re
from collections.abc import Iterator, Mapping
from string import Formatter
from typing import Any

import pytest
from discord import Locale

from bot.i18n import CommandTranslator, Language, Languages, Strings
from poetry_model.script import Script, told_script
from tests.bot.world import World

EACH = [pytest.param(language, id=language.value) for language in Language]

CHINESE = {Language.SIMPLIFIED: Script.SIMPLIFIED, Language.TRADITIONAL: Script.TRADITIONAL}

IN_EVERY_SCRIPT = re.compile(r"settings\.((guild_)?language_zh-|intro|script_hint)")
"""Strings that name languages and characters in the script they belong to."""

NOT_SAID_THERE = {
    Language.SIMPLIFIED: "伺服器 讯息 预设 档案 资料夹 选单 软体 影片 网路 使用者 连结 萤幕 搜寻 私讯 指令",
    Language.TRADITIONAL: "服務器 信息 默認 文件夾 菜單 消息 軟件 網絡 用戶 數據 鏈接 屏幕 設置 搜索 私信 刷新 命令",
}
"""Words of the other side of the strait."""

NEEDLESS = {"daily.line": {("english", "")}}
"""What Chinese readers need not be told: the solar term in English."""

_MESSAGE_MENU = 3
"""The type of a menu of messages; options have types too, and descriptions."""

NAME = re.compile(r"[-_'\w]{1,32}")
"""What Discord takes for the name of a command or an option: letters and digits of any script, lower case."""

COMMAND = re.compile(r"(?<![A-Za-z0-9_./:@])/([a-z]+(?: [a-z]+)?)")
"""A command that is named in a text, perhaps with the word after it."""


def raw(language: Language) -> dict[str, str]:
    """The strings as they stand in the file."""
    return Strings.load(language)._strings


def places(text: str) -> set[tuple[str, str]]:
    """What is filled in, and how it is written."""
    return {(name, spec or "") for _, name, spec, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", EACH)
def test_every_language_has_every_string(language: Language) -> None:
    english = raw(Language.ENGLISH)
    assert english.keys() - raw(language).keys() == set()
    assert raw(language).keys() - english.keys() == set()


@pytest.mark.parametrize("language", EACH)
def test_every_language_fills_in_the_same(language: Language) -> None:
    english = raw(Language.ENGLISH)
    different = {}
    for key, text in raw(language).items():
        needless = NEEDLESS.get(key, set()) if language in CHINESE else set()
        if places(english[key]) - needless != places(text):
            different[key] = places(english[key]), places(text)
    assert different == {}


@pytest.mark.parametrize("language", EACH)
def test_no_string_is_empty_or_has_space_around_it(language: Language) -> None:
    continuing = {"retrain.status.loss"}
    assert {key for key, text in raw(language).items() if not text.strip() or text != text.strip(" ")} <= continuing


@pytest.mark.parametrize("language", CHINESE)
def test_every_chinese_string_is_in_its_script(language: Language) -> None:
    foreign = {
        key: character
        for key, text in raw(language).items()
        if not IN_EVERY_SCRIPT.match(key)
        for character in text
        if told_script(character) not in {None, CHINESE[language]}
    }
    assert foreign == {}


@pytest.mark.parametrize("language", CHINESE)
def test_no_word_is_that_of_the_other_side(language: Language) -> None:
    foreign = {
        (key, word) for key, text in raw(language).items() for word in NOT_SAID_THERE[language].split() if word in text
    }
    assert foreign == set()


@pytest.mark.parametrize("language", CHINESE)
def test_no_chinese_string_was_left_in_english(language: Language) -> None:
    english = raw(Language.ENGLISH)
    # A command is typed alike in every language.
    words = re.compile("^[^/]*[a-z]{3} [a-z]{3}")
    assert {key for key, text in raw(language).items() if text == english[key] and words.match(text)} == set()


class TestNamesOfCommands:
    def payloads(self, world: World) -> list[dict[str, Any]]:
        return [request.json for request in world.env.http_requests if request.method == "PUT"][-1]  # type: ignore[return-value] # commands

    async def test_every_command_that_a_string_names_is_there(self, world: World) -> None:
        names = {command.qualified_name for command in world.bot.tree.walk_commands()}
        missing = set()
        for language in Language:
            for key, text in raw(language).items():
                for named in COMMAND.findall(text):
                    # Where the second word belongs to the sentence, the first is the command.
                    if named not in names and named.split(" ")[0] not in names:
                        missing.add((language, key, named))
        assert missing == set()

    async def test_discord_gets_every_word_in_every_language(self, world: World) -> None:
        for path, part in parts(self.payloads(world)):
            for said in ("name", "description"):
                if part.get(said):
                    locales = part.get(f"{said}_localizations", {})
                    assert locales.keys() == {"zh-CN", "zh-TW"}, (path, said)
                    assert all(len(text) <= 100 for text in locales.values()), (path, said)

    async def test_the_names_are_such_as_discord_takes_and_no_two_alike(self, world: World) -> None:
        for locale in ("zh-CN", "zh-TW", None):
            check_names(self.payloads(world), locale)

    async def test_the_translator_leaves_other_languages_to_the_default(self, languages: Languages) -> None:
        translator = CommandTranslator(languages)
        said = languages.default.said("poem.command.description")
        for locale in Locale:
            found = await translator.translate(said, locale, None)  # type: ignore[arg-type] # it is not looked at
            expected = {Locale.chinese: "zh-CN", Locale.taiwan_chinese: "zh-TW"}.get(locale)
            assert found == (raw(Language(expected))["poem.command.description"] if expected else None)


def parts(payload: Any, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Everything that has a name: commands, options, choices."""
    for each in payload:
        name = f"{path}/{each['name']}"
        yield name, each
        yield from parts(each.get("options", []), name)
        yield from parts(each.get("choices", []), name)


def check_names(payload: Any, locale: str | None) -> None:
    """Fails for a name that Discord refuses, or that two have in one place."""
    for kind in {each.get("type") for each in payload}:
        names = [
            each["name_localizations"][locale] if locale else each["name"]
            for each in payload
            if each.get("type") == kind
        ]
        assert len(set(names)) == len(names), names
    for each in payload:
        name = each["name_localizations"][locale] if locale else each["name"]
        # Menus of messages may be called anything.
        if each.get("type") != _MESSAGE_MENU or each.get("description"):
            assert NAME.fullmatch(name), name
            assert name == name.lower()
        assert 1 <= len(name) <= 32
        check_names(each.get("options", []), locale)


class TestWhatAReaderSees:
    def strings(self, text: str) -> Languages:
        english = {
            "poem": {"command": {"name": "poem"}, "option": {"form": "form"}},
            "model": {"command": {"name": "model", "use": "use", "use_description": "…"}},
        }
        chinese = {
            "poem": {"command": {"name": "诗"}, "option": {"form": "字数"}},
            "model": {"command": {"name": "模型", "use": "启用", "use_description": "…"}},
        }
        return Languages(
            {
                Language.ENGLISH: Strings({**english, "text": text}),
                Language.SIMPLIFIED: Strings({**chinese, "text": text}, Language.SIMPLIFIED),
            }
        )

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("Type /poem.", "Type /诗."),
            ("`/poem form:7 lines:4`", "`/诗 字数:7 lines:4`"),
            ("用/poem求一首", "用/诗求一首"),
            ("/model use is not /model", "/模型 启用 is not /模型"),
            ("/poems, a/poem, https://a.b/poem, poem", "/poems, a/poem, https://a.b/poem, poem"),
            ("/model user", "/模型 user"),
        ],
    )
    def test_commands_have_the_names_of_their_discord_whatever_language_they_read(self, text: str, shown: str) -> None:
        languages = self.strings(text)
        for language in (Language.ENGLISH, Language.SIMPLIFIED):
            assert languages(language, Language.SIMPLIFIED)("text") == shown
            assert languages(language, Language.ENGLISH)("text") == languages(language)("text") == text

    def test_every_language_is_there(self, languages: Languages) -> None:
        for language in Language:
            assert languages(language).language is language
            assert languages(language)("poem.command.name") == raw(language)["poem.command.name"]
        assert languages.default.language is Language.ENGLISH
