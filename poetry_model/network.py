"""The network: a recurrent network over characters that is told which place of the poem it writes next."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Le, Lt
from torch import Tensor, nn
from torch.nn import functional

from poetry_model.conditions import SIZES
from poetry_model.dropout import Dropout

Cell = Literal["rnn", "lstm", "gru"]
Initialisation = Literal["default", "uniform", "xavier", "zeros"]

State = Tensor | tuple[Tensor, Tensor]
"""Hidden state (layers, batch, hidden); of an LSTM hidden and cell state, each of that shape."""

Stack = nn.RNN | nn.LSTM | nn.GRU

_CELLS: dict[Cell, type[Stack]] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}

_LAYER: dict[Cell, Callable[..., tuple[Tensor, ...]]] = {"rnn": torch.rnn_tanh, "lstm": torch.lstm, "gru": torch.gru}
"""What `nn.RNN` and the others call."""


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """The architecture; it travels inside the bundle."""

    vocabulary: int
    """Ids, `<pad>` and `<unk>` included."""
    embedding: Annotated[int, Ge(1), Le(2048)] = 256
    hidden: Annotated[int, Ge(1), Le(2048)] = 512
    layers: Annotated[int, Ge(1), Le(8)] = 2
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.3
    condition: Annotated[int, Ge(1), Le(256)] = 16
    """Width of each condition's embedding."""
    conditions: Mapping[str, int] = field(default_factory=lambda: dict(SIZES))
    """Condition → number of categories, in column order."""
    cell: Cell = "lstm"
    tied: bool = True
    """Whether characters are scored by their embeddings, or by an output layer of their own."""
    output_relu: bool = False
    """Whether scores below 0 are cut off, as the second report did: a character cannot be called unlikely then."""
    initialisation: Initialisation = "default"

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def recurrent_stack(cell: Cell, inputs: int, hidden: int, layers: int, dropout: float = 0.0) -> Stack:
    """`layers` recurrent layers: (batch, places, inputs) → (batch, places, hidden) and the state."""
    between = dropout if layers > 1 else 0.0
    return _CELLS[cell](inputs, hidden, layers, batch_first=True, dropout=between)


def initialise(network: nn.Module, how: Initialisation, hidden: int) -> None:
    """Draw all weights anew: `uniform` in ±1/√hidden, `xavier` (Glorot and Bengio 2010), `zeros`, or leave them be."""
    bound = hidden**-0.5
    for parameter in network.parameters():
        if how == "uniform":
            nn.init.uniform_(parameter, -bound, bound)
        elif how == "xavier" and parameter.dim() > 1:
            nn.init.xavier_uniform_(parameter)
        elif how != "default":
            nn.init.zeros_(parameter)


class PoetNetwork(nn.Module):
    """Embedding and conditions → recurrent stack → scores, by the embedding again (tied) or by an output layer."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.characters = nn.Embedding(config.vocabulary, config.embedding)
        self.conditions = nn.ModuleList(nn.Embedding(size, config.condition) for size in config.conditions.values())
        inputs = config.embedding + config.condition * len(config.conditions)
        self.recurrent = recurrent_stack(config.cell, inputs, config.hidden, config.layers, config.dropout)
        self.dropout = Dropout(config.dropout)
        if config.tied:
            self.narrow = nn.Linear(config.hidden, config.embedding)
            self.bias = nn.Parameter(torch.zeros(config.vocabulary))
            # Tied to the output, the embedding must start small, or the first scores are far apart.
            nn.init.normal_(self.characters.weight, std=config.embedding**-0.5)
        else:
            self.output = nn.Linear(config.hidden, config.vocabulary)
        initialise(self, config.initialisation, config.hidden)

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

    @property
    def output_layer(self) -> tuple[Tensor, Tensor]:
        """Weight (vocabulary, features) and bias (vocabulary,) of the scores."""
        if self.config.tied:
            return self.characters.weight, self.bias
        return self.output.weight, self.output.bias

    def features(self, characters: Tensor, conditions: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """What the network knows before each place.

        characters: ids of the character *before* each place, (batch, places); conditions: of each place,
        (batch, places, len(config.conditions)), further columns are not looked at; state: from an earlier call. Returns
        (batch, places, embedding if tied else hidden) and the state after the last place.
        """
        told = [embed(conditions[..., column]) for column, embed in enumerate(self.conditions)]
        inputs = self.dropout(torch.cat([self.characters(characters), *told], dim=-1))
        if self.training and self.config.dropout and state is None and inputs.device.type == "cpu":
            outputs, state = self._layer_by_layer(inputs)
        else:
            outputs, state = self.recurrent(inputs, state)
        outputs = self.dropout(outputs)
        return self.dropout(self.narrow(outputs)) if self.config.tied else outputs, state

    def _layer_by_layer(self, inputs: Tensor) -> tuple[Tensor, State]:
        """What the stack does with `inputs` at a poem's beginning, with our own dropout between its layers."""
        outputs, states = inputs, []
        zeros = inputs.new_zeros(1, len(inputs), self.config.hidden)
        first = (zeros, zeros) if self.config.cell == "lstm" else zeros
        for layer, weights in enumerate(self.recurrent.all_weights):
            outputs = self.dropout(outputs) if layer else outputs
            # Weights and first state; with biases, one layer, no dropout, in training, one direction, poems first.
            outputs, *state = _LAYER[self.config.cell](outputs, first, weights, True, 1, 0.0, True, False, True)  # noqa: FBT003 # torch's order
            states.append(state)
        last = [torch.cat(parts) for parts in zip(*states, strict=True)]
        return outputs, (last[0], last[1]) if self.config.cell == "lstm" else last[0]

    def score(self, features: Tensor) -> Tensor:
        """Unnormalised log-probabilities of every id, (..., vocabulary), from features."""
        scores = functional.linear(features, *self.output_layer)
        return functional.relu(scores) if self.config.output_relu else scores

    def forward(self, characters: Tensor, conditions: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Scores (batch, places, vocabulary) and state; arguments as for `features`."""
        features, state = self.features(characters, conditions, state)
        return self.score(features), state
