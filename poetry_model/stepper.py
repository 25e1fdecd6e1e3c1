"""The network one character at a time: what `PoetNetwork` computes in evaluation, without what training needs.

`nn.LSTM` lays its weights out anew at each call, which for one character takes longer than the arithmetic. Here that is
done once: of every layer the weights transposed, as the product reads them.

What a row computes does not depend on the rows beside it, to the last bit: there are always two of them, and input and
state are multiplied apart. Products of one row, and those that add up more than 512 numbers, are cut into parts that
depend on the number of rows (seen with torch 2.13 on x86-64).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from poetry_model.layout import NOBODY
from poetry_model.network import PoetNetwork
from poetry_model.vocabulary import PAD

_GATES = {"rnn": 1, "lstm": 4, "gru": 3}

_FEWEST = 2
"""Rows that are computed at least."""

_TOGETHER = 64
"""Rows whose gates are computed together, so that they stay in the processor's cache."""


@dataclass(slots=True)
class Memory:
    """What the network remembers of each row, and room to compute in. A row is a row of every tensor."""

    seen: Tensor
    """(rows, inputs + layers * hidden): what the first layer is told, then the hidden state of each layer.

    A layer reads what lies before its own state, so that nothing is copied together.
    """
    cells: Tensor
    """(rows, layers * hidden) of an LSTM, else (rows, 0)."""
    gates: Tensor
    features: Tensor
    scores: Tensor

    @property
    def kept(self) -> tuple[Tensor, Tensor]:
        """What goes with a row from one character to the next."""
        return self.seen, self.cells


@dataclass(frozen=True, slots=True)
class _Layer:
    begin: int
    """Where in `Memory.seen` its input begins."""
    weight: Tensor
    """(inputs, gates * hidden)."""
    state_weight: Tensor
    """(hidden, gates * hidden)."""
    bias: Tensor
    """(gates * hidden,)."""
    state_bias: Tensor
    """For the GRU, which gates the state's share of the candidate alone; in `bias` already for the others."""


class Stepper:
    """The weights of a network, laid out for single characters, which are columns of the scores here."""

    def __init__(
        self, network: PoetNetwork, ids: Tensor, device: torch.device, dtype: torch.dtype = torch.float32
    ) -> None:
        """`ids`: of each column, (width,), `NOBODY` where there is none.

        `dtype`: of weights, states and scores; sums of cells are in fp32 whatever it is.
        """
        config = network.config
        self._cell = config.cell
        self._hidden = config.hidden
        self._relu = config.output_relu
        self._device = device
        self._dtype = dtype
        self._embedding = config.embedding
        self._nobody, ids = (ids == NOBODY).to(device), ids.clamp(min=PAD).to(device)
        self._characters = self._placed(network.characters.weight)[ids]
        tables: list[Tensor] = [parameter for table in network.conditions for parameter in table.parameters()]
        sizes = [len(table) for table in tables]
        self._conditions = self._placed(torch.cat(tables)) if tables else None
        self._offsets = torch.tensor([sum(sizes[:column]) for column in range(len(sizes))], device=device)
        self._inputs = network.recurrent.input_size
        self._layers = [self._layer(network, number) for number in range(config.layers)]
        weight, bias = network.output_layer
        self._narrow = (
            (self._placed(network.narrow.weight.t()), self._placed(network.narrow.bias)) if config.tied else None
        )
        # Whatever the weights, such a bias is the score.
        bias = self._placed(bias)[ids].masked_fill(self._nobody, -torch.inf)
        self._output = self._placed(weight)[ids].t().contiguous(), bias
        self.conditions = len(sizes)
        """Columns of what a place is told; further ones are not looked at."""

    def memory(self, rows: int) -> Memory:
        """Of so many rows, none of which has seen anything."""
        layers, hidden = len(self._layers), self._hidden
        rows = self._computed(rows)
        states = self._inputs + layers * hidden
        return Memory(
            torch.zeros(rows, states, dtype=self._dtype, device=self._device),
            torch.zeros(rows, layers * hidden if self._cell == "lstm" else 0, device=self._device),
            torch.empty(rows, _GATES[self._cell] * hidden, dtype=self._dtype, device=self._device),
            torch.zeros(rows, hidden, dtype=self._dtype, device=self._device),
            torch.empty(rows * len(self._nobody), dtype=self._dtype, device=self._device),
        )

    def step(self, memory: Memory, rows: int, previous: Tensor, told: Tensor) -> None:
        """Let the first `rows` rows see one character more.

        previous: columns of the characters before, (rows,); told: conditions of the next places, (rows, conditions).
        """
        memory.seen[:rows, : self._embedding] = self._characters[previous]
        if self._conditions is not None:
            embedded = self._conditions[told[:, : self.conditions] + self._offsets]
            memory.seen[:rows, self._embedding : self._inputs] = embedded.flatten(1)
        size = self._computed(rows)
        seen, gates = memory.seen[:size], memory.gates[:size]
        for number, layer in enumerate(self._layers):
            own = self._inputs + number * self._hidden
            inputs, hidden = seen[:, layer.begin : own], seen[:, own : own + self._hidden]
            if self._cell == "gru":
                self._gru(layer, inputs, gates, hidden)
                continue
            torch.addmm(layer.bias, inputs, layer.weight, out=gates)
            torch.addmm(gates, hidden, layer.state_weight, out=gates)
            if self._cell == "rnn":
                torch.tanh(gates, out=hidden)
            else:
                cell = memory.cells[:size, number * self._hidden : (number + 1) * self._hidden]
                for begin in range(0, size, _TOGETHER):
                    part = slice(begin, begin + _TOGETHER)
                    self._lstm(gates[part].float(), cell[part], hidden[part])

    def scores(self, memory: Memory, rows: Tensor, columns: slice) -> Tensor:
        """Scores of the next character in `rows`, in their order, (rows, columns): to be used up by the caller.

        -inf where a column is nobody's. What is computed of a column does not depend on those beside it either.
        """
        size = self._computed(len(rows))
        features = memory.features[:size]
        torch.index_select(memory.seen[:, -self._hidden :], 0, rows, out=features[: len(rows)])
        if self._narrow is not None:
            weight, bias = self._narrow
            features = torch.addmm(bias, features, weight)
        weight, bias = (tensor[..., columns] for tensor in self._output)
        room = memory.scores[: size * len(bias)].view(size, len(bias))
        scores = torch.addmm(bias, features, weight, out=room)
        if self._relu:
            scores.relu_().masked_fill_(self._nobody[columns], -torch.inf)
        return scores[: len(rows)]

    def _computed(self, rows: int) -> int:
        """How many rows are computed for so many.

        In half one of few numbers: oneDNN keeps some megabytes for each number of rows that it ever multiplied.
        """
        rows = max(rows, _FEWEST)
        if self._dtype is torch.float32:
            return rows
        power = 1 << (rows - 1).bit_length()
        return power * 3 // 4 if rows <= power * 3 // 4 else power

    def _lstm(self, gates: Tensor, cell: Tensor, hidden: Tensor) -> None:
        """Gates in the order input, forget, output, candidate: one sigmoid for the three."""
        size = self._hidden
        gates[:, : 3 * size].sigmoid_()
        gates[:, 3 * size :].tanh_()
        let_in, keep, let_out, candidate = gates.chunk(4, dim=1)
        cell.mul_(keep).addcmul_(let_in, candidate)
        hidden.copy_(cell.tanh().mul_(let_out))

    def _gru(self, layer: _Layer, inputs: Tensor, gates: Tensor, hidden: Tensor) -> None:
        """Gates in torch's order: reset, update, candidate, of which the reset gate scales the state's share."""
        size = self._hidden
        torch.addmm(layer.bias, inputs, layer.weight, out=gates)
        shares = torch.addmm(layer.state_bias, hidden, layer.state_weight).float()
        reset, update = shares[:, : 2 * size].add_(gates[:, : 2 * size]).sigmoid_().chunk(2, dim=1)
        candidate, share = gates[:, 2 * size :].float(), shares[:, 2 * size :]
        candidate.addcmul_(reset, share).tanh_()
        hidden.copy_(torch.lerp(candidate, hidden.float(), update))

    def _layer(self, network: PoetNetwork, number: int) -> _Layer:
        size, gates = self._hidden, _GATES[self._cell]
        of_input, of_state, input_bias, state_bias = (
            getattr(network.recurrent, f"{name}_l{number}").detach()
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        # torch's order in an LSTM is input, forget, candidate, output.
        order = (0, 1, 3, 2) if self._cell == "lstm" else range(gates)

        def transposed(parameter: Tensor) -> Tensor:
            blocks = parameter.reshape(gates, size, -1)
            placed = torch.empty(blocks.shape[2], gates * size, dtype=self._dtype, device=self._device)
            for to, block in enumerate(order):
                placed[:, to * size : (to + 1) * size] = blocks[block].t()
            return placed

        return _Layer(
            self._inputs + (number - 1) * size if number else 0,
            transposed(of_input),
            transposed(of_state),
            transposed(input_bias if self._cell == "gru" else input_bias + state_bias)[0],
            transposed(state_bias)[0],
        )

    def _placed(self, tensor: Tensor) -> Tensor:
        return tensor.detach().to(self._device, self._dtype).contiguous()
