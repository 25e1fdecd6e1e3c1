"""What can be told of a model to whoever asks."""

from dataclasses import dataclass

from pydantic import BaseModel

from poetry_model.poet import Poet


class _Corpus(BaseModel):
    training: int | None = None
    held_back: int | None = None


class _Metrics(BaseModel):
    perplexity: float | None = None
    perplexity_with_controls: float | None = None


class _Record(BaseModel):
    """What is looked at of a bundle's metadata; older ones lack some of it."""

    corpus: _Corpus = _Corpus()
    metrics: _Metrics = _Metrics()


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """A model's version and figures; None for what its bundle does not say."""

    version: str
    parameters: int
    poems: int | None
    """That it learned from."""
    held_back: int | None
    """Poems that it was measured by."""
    perplexity: float | None
    """Held-back, controls off."""
    perplexity_with_controls: float | None

    @classmethod
    def of(cls, poet: Poet) -> "ModelFacts":
        """What the bundle says."""
        record = _Record.model_validate(poet.metadata)
        return cls(
            version=poet.version,
            parameters=poet.parameters,
            poems=record.corpus.training,
            held_back=record.corpus.held_back,
            perplexity=record.metrics.perplexity,
            perplexity_with_controls=record.metrics.perplexity_with_controls,
        )
