"""Characters that poems like to begin with, for whoever looks for one."""

from random import Random

OPENINGS = "月山春秋風雲江花雨雪夜松竹梅水日天海湖溪鶴雁燕柳桃蓮菊桂星霜露煙酒茶琴劍夢客舟橋寺鐘燈樓遠歸故千"
"""In traditional characters, the best known first. Each has a word for it in every language of the bot."""


def draw_opening(seed: int) -> str:
    """One of them, always the same for a seed."""
    return Random(f"{seed}/opening").choice(OPENINGS)
