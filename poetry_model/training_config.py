"""How to train."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt

AtLeastOne = Annotated[int, Ge(1), Le(10**9)]


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """How to train; it travels inside the bundle."""

    epochs: AtLeastOne = 14
    batch_characters: AtLeastOne = 4096
    batch_poems: AtLeastOne | None = None
    """Poems a batch; None: as many as `batch_characters` gives."""
    learning_rate: Annotated[float, Gt(0), Le(1)] = 2e-3
    """At its peak."""
    schedule: Literal["cosine", "constant", "halve_on_rise"] = "cosine"
    """`cosine` warms up linearly, then falls along a cosine; `halve_on_rise` halves after each epoch whose held-back
    loss is above that of the epoch before."""
    warmup: Annotated[float, Ge(0), Lt(1)] = 0.02
    """Share of the whole run."""
    optimizer: Literal["adamw", "adagrad", "sgd"] = "adamw"
    weight_decay: Annotated[float, Ge(0)] = 0.01
    """Of AdamW."""
    clip: Annotated[float, Gt(0)] = 1.0
    """Largest norm of the gradient."""
    patience: AtLeastOne = 3
    """Epochs without a better held-back perplexity before the run stops early."""
    song_share: Annotated[float, Ge(0), Lt(1)] = 0.0
    """Share of an epoch's characters that are Song verse, 0 to below 1."""
    favorites_share: Annotated[float, Gt(0), Lt(1)] = 0.1
    """Share of an epoch's characters that are favorites, where some are given."""
    minutes: Annotated[float, Gt(0)] | None = None
    """Time for the training and its judging; None: as long as it takes."""
    held_back: Annotated[int, Ge(2), Le(10**9)] = 20
    """One poem in so many is held back; a model that is trained on keeps its own rule."""
    engine: Literal["torch", "numpy"] = "torch"
    seed: Annotated[int, Ge(0), Lt(2**53)] = 1
