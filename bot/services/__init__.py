"""What the bot does, apart from Discord."""

from dataclasses import dataclass

from bot.db.faults import Fault, fault_of
from bot.services.admission import Admission
from bot.services.favorites import Favorites
from bot.services.models import Models
from bot.services.poems import Poems
from bot.services.privacy import Privacy
from bot.services.retraining import Retraining

__all__ = ["Admission", "Fault", "Favorites", "Models", "Poems", "Privacy", "Retraining", "Services", "fault_of"]


@dataclass(frozen=True, slots=True)
class Services:
    """All of them, as the client holds them."""

    admission: Admission
    poems: Poems
    favorites: Favorites
    models: Models
    retraining: Retraining
    privacy: Privacy
