"""What a poem of the day may begin with: characters that suit the solar term.

The terms are those of the almanac, named after the seasons of northern China, wherever on earth the reader is: 冬至 is
read as the depth of winter in the south too.
"""

import random
from datetime import date, tzinfo

from poetry_model.solar_terms import SolarTerm, first_day, term_on

FIRST_CHARACTERS: dict[SolarTerm, str] = {
    SolarTerm.START_OF_SPRING: "春東新早初柳梅冰歲陽曉草生風青芳",
    SolarTerm.RAIN_WATER: "雨水江溪雲煙泉雁池沙洲流微細綠鴻潤漁",
    SolarTerm.AWAKENING_OF_INSECTS: "雷花桃蟲鶯龍萬山動百起驚紅聲夢耕",
    SolarTerm.SPRING_EQUINOX: "春燕日晝蝶李園遊鳥林蜂樓香簾平和",
    SolarTerm.CLEAR_AND_BRIGHT: "清明楊寒火郊陌杏酒踏柳村故遠思煙",
    SolarTerm.GRAIN_RAIN: "茶花鶯桑萍落暮飛殘蠶惜送雨谷林藤",
    SolarTerm.START_OF_SUMMER: "夏綠槐陰荷蓮南竹長深孟新池晝簾朱",
    SolarTerm.GRAIN_BUDS: "麥滿小田桑江村園鄉野雲鳥晴風絲晚",
    SolarTerm.GRAIN_IN_EAR: "種梅雨黃池螢溪稻青蒲楚舟龍五水農",
    SolarTerm.SUMMER_SOLSTICE: "夏日蟬荷長炎涼扇蓮竹松午陰永南北",
    SolarTerm.MINOR_HEAT: "暑熱雷碧溫風星夜河水菱月芙簾閑螢",
    SolarTerm.MAJOR_HEAT: "大火炎赤雲蟬汗流泉石山清冰寺江樹",
    SolarTerm.START_OF_AUTUMN: "秋梧桐一西涼葉井早新風蕭銀牛織七",
    SolarTerm.END_OF_HEAT: "高稻遠鷹雲江晴天空野蘆沙潮客鷗漁",
    SolarTerm.WHITE_DEW: "白露螢鶴雁鴻月玉蟲孤砧夜秋草涼殘",
    SolarTerm.AUTUMN_EQUINOX: "桂中天明圓平丹香海樓金影清西望登",
    SolarTerm.COLD_DEW: "菊寒重九籬黃雁蘆客衣鄉高落秋孤遠",
    SolarTerm.DESCENT_OF_FROST: "霜楓紅白林山晚烏石木橘殘鐘江曉丹",
    SolarTerm.START_OF_WINTER: "冬北寒爐朔葉枯初冰凍風衣天歸落松",
    SolarTerm.MINOR_SNOW: "雪小虹雲陰竹窗燈孤夜空暮寂酒深漁",
    SolarTerm.MAJOR_SNOW: "大千萬飛瓊玉銀素山寒江柴風冰皓白",
    SolarTerm.WINTER_SOLSTICE: "冬至陽一日長梅書夜客故鄉老南琴律",
    SolarTerm.MINOR_COLD: "寒雁鵲北臘霜凍松竹冰玉鴉雪獨關塞",
    SolarTerm.MAJOR_COLD: "年大窮嚴爐酒夜燈守舊待星朔深門家",
}
"""In traditional characters. A list is as long as the longest term in days, and neighbours share none: see below."""


def first_character(day: date, zone: tzinfo, seed: int) -> str:
    """A traditional character for a poem of `day` in `zone`; the same for the same arguments.

    None comes back within fourteen days: a term goes through its list in an order of its own, and what the term before
    used waits for the next but one. `seed`: another reader, another order.
    """
    term, begun = term_on(day, zone), first_day(day, zone)
    order = list(FIRST_CHARACTERS[term])
    random.Random(f"{seed}/{begun}").shuffle(order)
    # A zone that changed its side of the date line counts a day more.
    return order[(day - begun).days % len(order)]
