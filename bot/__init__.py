"""Shiren 诗人: a Discord bot whose own LSTM writes classical Chinese poems."""

__version__ = "0.1.0"
