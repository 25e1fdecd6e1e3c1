"""The network: a character LSTM that is told which place of the poem it writes next."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from poetry_model.conditions import SIZES

State = tuple[Tensor, Tensor]
"""Hidden and cell state, each (layers, batch, hidden)."""


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """The architecture; it travels inside the bundle."""

    vocabulary: int
    """Ids, `<pad>` and `<unk>` included."""
    embedding: int = 256
    hidden: int = 512
    layers: int = 2
    dropout: float = 0.3
    condition: int = 16
    """Width of each condition's embedding."""
    conditions: Mapping[str, int] = field(default_factory=lambda: dict(SIZES))
    """Condition → number of categories, in column order."""

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


class PoetNetwork(nn.Module):
    """Embedding and conditions → LSTM → linear → scores by the embedding again (tied)."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.characters = nn.Embedding(config.vocabulary, config.embedding)
        self.conditions = nn.ModuleList(nn.Embedding(size, config.condition) for size in config.conditions.values())
        self.recurrent = nn.LSTM(
            config.embedding + config.condition * len(config.conditions),
            config.hidden,
            config.layers,
            batch_first=True,
            dropout=config.dropout if config.layers > 1 else 0.0,
        )
        self.narrow = nn.Linear(config.hidden, config.embedding)
        self.bias = nn.Parameter(torch.zeros(config.vocabulary))
        self.dropout = nn.Dropout(config.dropout)
        # Tied to the output, the embedding must start small, or the first scores are far apart.
        nn.init.normal_(self.characters.weight, std=config.embedding**-0.5)

    def grown(self, conditions: Mapping[str, int]) -> "PoetNetwork":
        """The same network, which sees more conditions than before; until it is trained they change nothing.

        `conditions` begins with those the network has.
        """
        config = replace(self.config, conditions=dict(conditions))
        network = PoetNetwork(config)
        state = self.state_dict()
        # Zero columns for what is new: the embeddings of the new conditions are random, their effect none.
        inputs = state["recurrent.weight_ih_l0"]
        more = config.condition * (len(config.conditions) - len(self.config.conditions))
        state["recurrent.weight_ih_l0"] = functional.pad(inputs, (0, more))
        network.load_state_dict({**network.state_dict(), **state})
        return network

    def features(self, characters: Tensor, conditions: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """What the network knows before each place.

        characters: ids of the character *before* each place, (batch, places); conditions: of each place,
        (batch, places, len(config.conditions)), further columns are not looked at; state: from an earlier call. Returns (batch, places, embedding) and the
        state after the last place.
        """
        told = [embed(conditions[..., column]) for column, embed in enumerate(self.conditions)]
        inputs = self.dropout(torch.cat([self.characters(characters), *told], dim=-1))
        outputs, state = self.recurrent(inputs, state)
        return self.dropout(self.narrow(self.dropout(outputs))), state

    def score(self, features: Tensor) -> Tensor:
        """Unnormalised log-probabilities of every id, (..., vocabulary), from features (..., embedding)."""
        return functional.linear(features, self.characters.weight, self.bias)

    def forward(self, characters: Tensor, conditions: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Scores (batch, places, vocabulary) and state; arguments as for `features`."""
        features, state = self.features(characters, conditions, state)
        return self.score(features), state
