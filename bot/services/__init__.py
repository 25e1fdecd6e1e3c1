"""What the bot does, apart from Discord."""

from dataclasses import dataclass

from sqlalchemy.exc import OperationalError as StorageError

from bot.services.favorites import Favorites
from bot.services.models import Models
from bot.services.poems import Poems
from bot.services.retraining import Retraining

__all__ = ["Favorites", "Models", "Poems", "Retraining", "Services", "StorageError"]


@dataclass(frozen=True, slots=True)
class Services:
    """All of them, as the client holds them."""

    poems: Poems
    favorites: Favorites
    models: Models
    retraining: Retraining
