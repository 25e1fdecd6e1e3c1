"""What the bot does, apart from Discord."""

from dataclasses import dataclass

from bot.db.faults import Fault, fault_of
from bot.services.admission import Admission
from bot.services.daily import Daily
from bot.services.favorites import Favorites
from bot.services.lease import Lease
from bot.services.linked import Linked
from bot.services.models import Models
from bot.services.poems import Poems
from bot.services.preferences import Preferences
from bot.services.privacy import Privacy
from bot.services.retraining import Retraining
from bot.services.storage import Storage
from bot.services.top import Top

__all__ = [
    "Admission",
    "Daily",
    "Fault",
    "Favorites",
    "Lease",
    "Linked",
    "Models",
    "Poems",
    "Preferences",
    "Privacy",
    "Retraining",
    "Services",
    "Storage",
    "Top",
    "fault_of",
]


@dataclass(frozen=True, slots=True)
class Services:
    """All of them, as the client holds them."""

    admission: Admission
    poems: Poems
    favorites: Favorites
    models: Models
    retraining: Retraining
    privacy: Privacy
    daily: Daily
    preferences: Preferences
    linked: Linked
    top: Top
    storage: Storage
    registering: Lease
    """Whose turn it is to register commands."""
    identifying: Lease
    """Whose turn it is to begin a session with Discord."""
