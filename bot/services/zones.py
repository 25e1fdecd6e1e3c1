"""Finding a time zone by what a person types."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

MOST = 25
"""Choices that Discord shows at once."""

_FIRST = (
    "Asia/Shanghai",
    "Asia/Taipei",
    "Asia/Hong_Kong",
    "Asia/Singapore",
    "Asia/Tokyo",
    "Asia/Kolkata",
    "Asia/Dubai",
    "Africa/Johannesburg",
    "Europe/Paris",
    "Europe/Berlin",
    "Europe/London",
    "UTC",
    "America/Sao_Paulo",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Vancouver",
    "Australia/Sydney",
    "Pacific/Auckland",
)
"""What is offered before anything is typed."""

_ALIASES: Mapping[str, str] = {
    "Asia/Shanghai": "beijing 北京 北京时间 北京時間 上海 广州 廣州 深圳 guangzhou shenzhen chengdu 中国 中國 cst",
    "Asia/Taipei": "台北 臺北 台湾 台灣 臺灣",
    "Asia/Hong_Kong": "香港",
    "Asia/Macau": "澳门 澳門 macao",
    "Asia/Singapore": "新加坡",
    "Asia/Kuala_Lumpur": "吉隆坡 马来西亚 馬來西亞",
    "Asia/Tokyo": "东京 東京 日本 osaka kyoto",
    "Asia/Seoul": "首尔 首爾 韩国 韓國",
    "Asia/Urumqi": "乌鲁木齐 烏魯木齊 新疆",
    "Asia/Kolkata": "delhi mumbai bangalore",
    "Asia/Ho_Chi_Minh": "hanoi saigon",
    "Europe/London": "伦敦 倫敦 英国 英國 uk united_kingdom england edinburgh",
    "Europe/Paris": "巴黎",
    "Europe/Berlin": "柏林 munich hamburg frankfurt",
    "Europe/Moscow": "莫斯科",
    "America/New_York": "纽约 紐約 boston washington philadelphia miami usa est edt",
    "America/Chicago": "芝加哥 houston dallas cst cdt",
    "America/Denver": "丹佛 mst mdt",
    "America/Los_Angeles": "洛杉矶 洛杉磯 旧金山 舊金山 california san_francisco seattle pst pdt",
    "America/Vancouver": "温哥华 溫哥華",
    "America/Toronto": "多伦多 多倫多 ottawa montreal",
    "America/Sao_Paulo": "rio_de_janeiro brasilia",
    "Australia/Sydney": "悉尼 雪梨 canberra",
    "Australia/Melbourne": "墨尔本 墨爾本",
    "Pacific/Auckland": "奥克兰 奧克蘭 wellington",
    "UTC": "gmt zulu 世界时 世界時",
}
"""Names that people type, and IANA does not have."""


@dataclass(frozen=True, slots=True)
class _Zone:
    name: str
    cities: tuple[str, ...]
    """As `_plain` writes them: its own city, and `_ALIASES`."""
    countries: tuple[str, ...]
    """Likewise; none where the name is an old one."""

    def rank(self, wanted: str) -> int | None:
        """How likely `wanted`, as `_plain` writes it, means this zone: 0 is likeliest; None: it does not."""
        words = [word for city in self.cities for word in city.split("_")]
        full = _plain(self.name)
        tests = (
            wanted == full or wanted in self.cities,
            any(city.startswith(wanted) for city in self.cities),
            full.startswith(wanted) or any(word.startswith(wanted) for word in words),
            any(country.startswith(wanted) for country in self.countries),
            any(wanted in each for each in (full, *self.cities, *self.countries)),
        )
        return next((number for number, is_so in enumerate(tests) if is_so), None)


def matching_zones(typed: str, limit: int = MOST) -> list[str]:
    """IANA's names of the zones that `typed` may mean, likeliest first: `syd`, `new york`, `beijing`, `germany`, 北京.

    Old names (`EST5EDT`, `Asia/Calcutta`) come last.
    """
    wanted = _plain(typed)
    if not wanted:
        return list(_FIRST[:limit])
    ranked = [(not zone.countries, rank, zone.name) for zone in _zones() if (rank := zone.rank(wanted)) is not None]
    return [name for _, _, name in sorted(ranked)][:limit]


def zone_named(typed: str) -> str | None:
    """The zone that `typed` names, in whatever case, as IANA writes it; None when none or several have that name."""
    wanted = _plain(typed)
    named = [name for name in _all_names() if _plain(name) == wanted]
    named = named or [zone.name for zone in _zones() if zone.rank(wanted) == 0]
    return named[0] if len(named) == 1 else None


@cache
def _zones() -> tuple[_Zone, ...]:
    """All that are offered."""
    countries = dict(line.split("\t") for line in _lines("zoneinfo/iso3166.tab"))
    places: dict[str, tuple[str, ...]] = {"UTC": ("coordinated_universal_time",)}
    for line in _lines("zoneinfo/zone.tab"):
        code, _, name, *_ = line.split("\t")
        places[name] = (_plain(countries[code]),)
    return tuple(
        _Zone(name, (_plain(name.rsplit("/", 1)[-1]), *_ALIASES.get(name, "").split()), places.get(name, ()))
        for name in _all_names()
        # Their signs are turned round: Etc/GMT+8 is eight hours behind. Nobody who types GMT+8 means that.
        if not any(sign in name for sign in ("GMT", "Etc/"))
    )


@cache
def _all_names() -> tuple[str, ...]:
    return tuple(_lines("zones"))


def _lines(file: str) -> list[str]:
    """The lines of a file of the tzdata package, which is there whatever the machine has; without its comments."""
    text = resources.files("tzdata").joinpath(file).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def _plain(text: str) -> str:
    """In small letters, without accents, `_` for spaces and hyphens."""
    letters = unicodedata.normalize("NFKD", text.strip().casefold())
    return (
        "".join(letter for letter in letters if not unicodedata.combining(letter)).replace(" ", "_").replace("-", "_")
    )
