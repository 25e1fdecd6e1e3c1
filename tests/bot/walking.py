"""People who use the local page in headless Chromium, by typing and pressing as people do."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from bot.i18n import DEFAULT_LANGUAGE, Language, Languages, Strings

CHROMIUM = shutil.which("chromium")

_ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

_READY = "() => window.simcordPreview?.ready && !window.simcordPreview.pendingAction"
_LAST = "() => window.simcordPreview.lastAction"
_NEXT = "before => (window.simcordPreview.lastAction?.requestId ?? null) !== before"

_MESSAGE = "#channel-message-list article.channel-message"

_TRIES = 4
"""The page refuses what was done just before it was drawn anew."""

_DRAWN = 700
"""Milliseconds in which the page draws itself."""

_LIMIT = 60_000
"""Milliseconds for an answer, on a busy machine too."""


@contextmanager
def browsing() -> Iterator[Browser]:
    """Debian's Chromium, without a screen."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=_ARGUMENTS)
        yield browser
        browser.close()


class Walker:
    """The person at the page who speaks a language."""

    def __init__(self, browser: Browser, address: str, language: Language, **options: Any) -> None:
        """`options`: of the browser's page."""
        self.language = language
        self.strings = Languages.load()(language, language)
        """What this person reads."""
        self.page: Page = browser.new_page(**options)
        self.page.set_default_timeout(_LIMIT)
        self._open(address)

    def _open(self, address: str) -> None:
        self.page.goto(address)
        self._ready()
        picker = self.page.locator("#viewer-picker")
        [person] = picker.select_option(label=self.strings("preview.person"))
        self.page.wait_for_function(f"() => window.simcordPreview.viewerId === '{person}'")
        self._ready()

    def go(self, channel: str) -> None:
        """To another channel, by its link in the welcome."""
        address = self.page.get_by_role("link", name=f"#{channel}").first.get_attribute("href")
        assert address is not None
        self._open(address)

    def offered(self) -> list[str]:
        """The commands that the page shows to whoever types `/`, in their language."""
        self._ready()
        box = self.page.locator("#channel-composer-input")
        box.click()
        box.press_sequentially("/")
        names = self.page.locator("#command-picker-listbox .command-entry strong")
        names.first.wait_for()
        offered = names.all_inner_texts()
        box.fill("")
        return offered

    def named(self, line: str) -> str:
        """A line such as `/poem start:月 form:7` with the names that this person sees."""
        if self.language is DEFAULT_LANGUAGE:
            return line
        names = Strings.load(DEFAULT_LANGUAGE), Strings.load(self.language)
        return Strings({"line": line}).naming(*names)("line")

    def parts(self, line: str) -> list[str]:
        """The whole name of the command, and the options."""
        words = self.named(line).split(" ")
        return [" ".join(word for word in words if ":" not in word), *(word for word in words if ":" in word)]

    def ask(self, line: str) -> Locator:
        """Type the command of a line such as `/poem start:月 form:7` and send it; returns the newest message."""
        name, *options = self.parts(line)
        self._ready()
        box = self.page.locator("#channel-composer-input")
        box.click()
        box.press_sequentially(name)
        entries = self.page.locator("#command-picker-listbox .command-entry")
        exact = self.page.locator("strong", has_text=re.compile(f"^{re.escape(name)}$"))
        entries.filter(has=exact).click()
        for option in options:
            self._fill(*option.split(":", 1))
        self._settled(self.page.locator("#send-message").click)
        return self.newest

    def _fill(self, option: str, value: str) -> None:
        """Type an option; what is offered for it is chosen."""
        field = self.page.locator(f'input.command-option-input[data-option="{option}"]')
        offered = self.page.locator("#command-suggestion-listbox [role=option]")
        if not field.count():
            self.page.locator("button.command-chip").click()
            self.page.locator(f'#command-suggestion-listbox [data-value="{option}"]').click()
        field.click()
        field.fill(value)
        is_mention = value.startswith("#")
        if is_mention:
            field.fill(value[1:])
            offered.first.click()
        elif (choice := self.page.locator(f'#command-suggestion-listbox [data-value="{value}"]')).count():
            choice.first.click()

    def press(self, label: str, message: Locator | None = None) -> Locator:
        """Press the button with that label, under the newest message that has one; returns the newest message."""
        buttons = (message or self.page.locator("#channel-message-list")).get_by_role("button", name=label)
        self._settled(buttons.last.click)
        return self.newest

    def choose(self, label: str, message: Locator) -> Locator:
        """Choose from the menu under a message that has such an entry; returns the newest message."""
        option = self.page.locator(".select-option:visible").filter(has=self.page.get_by_text(label, exact=True))
        for trigger in message.locator(".select-trigger").all():
            trigger.click()
            self.page.locator(".select-option:visible").first.wait_for()
            if option.count():
                self._settled(option.click)
                return self.newest
            self.page.keyboard.press("Escape")
        raise AssertionError(label)

    def hand_in(self, text: str) -> Locator:
        """Fill in the form that is open, and send it; returns the newest message."""
        form = self.page.locator("#modal-root")
        form.locator("textarea, input").first.fill(text)
        self._settled(form.locator("button[type=submit], button.modal-submit").last.click)
        return self.newest

    def resize(self, width: int, height: int) -> None:
        """Make the window that large."""
        self.page.set_viewport_size({"width": width, "height": height})
        # The page tells its host, and draws itself anew.
        self.page.wait_for_timeout(_DRAWN)
        self._ready()

    def see(self, message: Locator) -> None:
        """Bring a message into view, with its pictures, and keep pointer and focus off it."""
        message.scroll_into_view_if_needed()
        self.page.mouse.move(0, 0)
        self.page.evaluate("() => document.activeElement?.blur()")
        for image in message.locator("img").all():
            image.evaluate("image => image.decode()")
        self.page.wait_for_timeout(_DRAWN)

    @property
    def newest(self) -> Locator:
        """The message that is the newest in the channel now."""
        number = self._messages.last.get_attribute("data-message-id")
        return self.page.locator(f'{_MESSAGE}[data-message-id="{number}"]')

    @property
    def _messages(self) -> Locator:
        return self.page.locator(_MESSAGE)

    def message(self, text: str) -> Locator:
        """The newest message that holds a text, once there is one."""
        message = self._messages.filter(has_text=text).last
        expect(message).to_be_visible(timeout=_LIMIT)
        return message

    def _ready(self) -> None:
        self.page.wait_for_function(_READY)

    def _settled(self, act: Callable[[], Any]) -> None:
        """Act, and wait for what comes of it."""
        for _ in range(_TRIES):
            self._ready()
            last = self.page.evaluate(_LAST)
            act()
            self.page.wait_for_function(_NEXT, arg=last and last["requestId"])
            self._ready()
            last = self.page.evaluate(_LAST)
            if not last["rejected"]:
                assert last["settlement"] == "settled", last
                return
        raise AssertionError(last)
