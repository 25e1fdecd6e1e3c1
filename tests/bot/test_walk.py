"""Walks on the local page in headless Chromium, in the languages of the three people."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="The page is walked with playwright: pip install playwright.")

from playwright.sync_api import Browser, expect

from bot.i18n import DEFAULT_LANGUAGE, Language, Strings
from tests.bot.hosting import Host, hosted
from tests.bot.test_every_language import check, phrases
from tests.bot.walking import CHROMIUM, Walker, browsing

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="The page is walked in Chromium, and there is none: apt-get install chromium."
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as browser:
        yield browser


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, bundle_folder: Path, corpus_folder: Path) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("page")
    config = folder / "config.toml"
    config.write_text(
        f'[model]\ndevice = "cpu"\n[preview]\nfolder = "{folder / "preview"}"\nport = 0\n'
        f'[retrain]\ncorpus = "{corpus_folder}"\n[limits]\nperson_per_minute = 0\nguild_per_minute = 0\n'
    )
    with hosted(config, bundle_folder) as host:
        yield host


@pytest.mark.parametrize("language", list(Language))
def test_a_poem_is_written_kept_opened_drawn_and_scanned(host: Host, browser: Browser, language: Language) -> None:
    walker = Walker(browser, host.address, language)
    strings = walker.strings
    poem = walker.ask("/poem start:月")
    expect(poem).to_contain_text("《月》")
    lines = poem.locator(".embed-description").inner_text()
    assert lines.startswith("月")
    expect(walker.press(strings("poem.favorite"), poem)).to_contain_text(strings("poem.kept").split("`")[0])
    kept = walker.ask("/favorites")
    expect(kept).to_contain_text(lines[:5])
    card = walker.press(strings("poem.card"), poem)
    image = card.locator("img").last
    expect(image).to_be_visible()
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 300
    metre = walker.press(strings("poem.metre"), poem)
    expect(metre.locator("pre")).to_contain_text(re.compile("[○●]"))
    walker.page.close()


EVERYONES: tuple[str, ...] = (
    "/help",
    "/about",
    "/poem start:月 form:7 lines:8",
    "/acrostic heads:山水",
    "/continue line:小山明月天",
    "/linked lines:4 mode:easy",
    "/favorites export:json",
    "/top period:week",
    "/settings",
    "/privacy show",
    "/privacy export",
    "/privacy delete",
)
"""Every command that everybody may use, and something to say with it."""

OWNERS = (
    "/daily set channel:#daily hour:8 zone:Asia/Taipei",
    "/daily status",
    "/daily off",
    "/model status",
    "/model history",
    "/model use version:{live}",
    "/model compare a:{live} b:{live}",
    "/model rollback",
    "/retrain minutes:1",
    "/model cancel",
)
"""Those that Robin alone may use, who owns the bot and manages the server. None is shown to others."""


@pytest.mark.soak
@pytest.mark.parametrize("language", list(Language))
def test_every_command_that_the_page_shows_is_answered_in_the_language(
    host: Host, browser: Browser, language: Language
) -> None:
    strings = Strings.load(Language.ENGLISH)
    english = phrases(strings)
    walker = Walker(browser, host.address, language)
    lines = EVERYONES
    if language is DEFAULT_LANGUAGE:
        [live] = re.findall(r"\b[0-9a-f]{12}\b", walker.ask("/poem start:月").inner_text())
        lines += tuple(line.format(live=live) for line in OWNERS)
    assert sorted(walker.offered()) == sorted(walker.parts(line)[0] for line in lines)
    for line in lines:
        answer = walker.ask(line).inner_text()
        # Names are what they are in every language.
        check(line, [answer.replace(strings("preview.bot"), "")], language, english)
    walker.page.close()
