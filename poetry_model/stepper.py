"""The network one character at a time: what `PoetNetwork` computes in evaluation, without what training needs.

`nn.LSTM` lays its weights out anew at each call, which for one character takes longer than the arithmetic. Here that is
done once: of every layer the input's weights and the state's in one matrix, transposed as the product reads it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from poetry_model.network import PoetNetwork

_GATES = {"rnn": 1, "lstm": 4, "gru": 3}


@dataclass(slots=True)
class Memory:
    """What the network remembers of each row, and room to compute in. A row is a row of every tensor."""

    seen: Tensor
    """(rows, inputs + layers * hidden): what the first layer is told, then the hidden state of each layer.

    A layer reads what lies before its own state and that state: side by side, so that nothing is copied together.
    """
    cells: Tensor
    """(rows, layers * hidden) of an LSTM, else (rows, 0)."""
    gates: Tensor
    rough: Tensor
    """Scores in the type of the weights."""
    scores: Tensor
    """The same in fp32."""

    @property
    def kept(self) -> tuple[Tensor, Tensor]:
        """What goes with a row from one character to the next."""
        return self.seen, self.cells


@dataclass(frozen=True, slots=True)
class _Layer:
    begin: int
    """Where in `Memory.seen` its input begins."""
    inputs: int
    weight: Tensor
    """(inputs + hidden, gates * hidden)."""
    bias: Tensor
    state_bias: Tensor
    """Of the GRU's candidate, which gates the state's share alone; (hidden,)."""


class Stepper:
    """The weights of a network, laid out for single characters."""

    def __init__(self, network: PoetNetwork, device: torch.device, dtype: torch.dtype = torch.float32) -> None:
        """`dtype`: of weights and states; sums of cells, and what is sampled from, are in fp32 whatever it is."""
        config = network.config
        self._cell = config.cell
        self._hidden = config.hidden
        self._relu = config.output_relu
        self._device = device
        self._dtype = dtype
        self._embedding = config.embedding
        self._characters = self._placed(network.characters.weight)
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
        self._output = self._placed(weight.t()), self._placed(bias)
        self.vocabulary = config.vocabulary
        self.conditions = len(sizes)
        """Columns of what a place is told; further ones are not looked at."""

    def memory(self, rows: int) -> Memory:
        """Of so many rows, none of which has seen anything."""
        layers, hidden = len(self._layers), self._hidden
        states = self._inputs + layers * hidden
        return Memory(
            torch.zeros(rows, states, dtype=self._dtype, device=self._device),
            torch.zeros(rows, layers * hidden if self._cell == "lstm" else 0, device=self._device),
            torch.empty(rows, _GATES[self._cell] * hidden, dtype=self._dtype, device=self._device),
            rough := torch.empty(rows, self.vocabulary, dtype=self._dtype, device=self._device),
            rough if self._dtype is torch.float32 else torch.empty(rows, self.vocabulary, device=self._device),
        )

    def step(self, memory: Memory, rows: int, previous: Tensor, told: Tensor) -> Tensor:
        """Scores of the next character in the first `rows` rows, (rows, vocabulary), fp32: to be used up by the caller.

        previous: ids of the characters before, (rows,); told: the conditions of the places, (rows, columns).
        """
        seen = memory.seen[:rows]
        seen[:, : self._embedding] = self._characters[previous]
        if self._conditions is not None:
            embedded = self._conditions[told[:, : self.conditions] + self._offsets]
            seen[:, self._embedding : self._inputs] = embedded.flatten(1)
        for number, layer in enumerate(self._layers):
            end = layer.begin + layer.inputs
            hidden = seen[:, end : end + self._hidden]
            inputs = seen[:, layer.begin : end + self._hidden]
            gates = memory.gates[:rows]
            if self._cell == "gru":
                self._gru(layer, inputs, gates, hidden)
                continue
            torch.addmm(layer.bias, inputs, layer.weight, out=gates)
            if self._cell == "rnn":
                torch.tanh(gates, out=hidden)
            else:
                self._lstm(
                    gates.float(), memory.cells[:rows, number * self._hidden : (number + 1) * self._hidden], hidden
                )
        features = seen[:, -self._hidden :]
        if self._narrow is not None:
            weight, bias = self._narrow
            features = torch.addmm(bias, features, weight)
        weight, bias = self._output
        rough = torch.addmm(bias, features, weight, out=memory.rough[:rows])
        scores = rough if rough.dtype is torch.float32 else memory.scores[:rows].copy_(rough)
        return scores.relu_() if self._relu else scores

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
        both = torch.addmm(layer.bias[: 2 * size], inputs, layer.weight[:, : 2 * size], out=gates[:, : 2 * size])
        reset, update = both.float().sigmoid_().chunk(2, dim=1)
        new = layer.weight[:, 2 * size :]
        candidate = torch.addmm(layer.bias[2 * size :], inputs[:, : layer.inputs], new[: layer.inputs]).float()
        share = torch.addmm(layer.state_bias, hidden, new[layer.inputs :]).float()
        candidate.addcmul_(reset, share).tanh_()
        hidden.copy_(torch.lerp(candidate, hidden.float(), update))

    def _layer(self, network: PoetNetwork, number: int) -> _Layer:
        size, gates = self._hidden, _GATES[self._cell]
        of_input, of_state, input_bias, state_bias = (
            getattr(network.recurrent, f"{name}_l{number}").detach()
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        inputs = of_input.shape[1]
        weight = torch.empty(inputs + size, gates * size, dtype=self._dtype, device=self._device)
        bias = torch.empty(gates * size, dtype=self._dtype, device=self._device)
        # torch's order in an LSTM is input, forget, candidate, output.
        for to, block in enumerate((0, 1, 3, 2) if self._cell == "lstm" else range(gates)):
            new, old = slice(to * size, (to + 1) * size), slice(block * size, (block + 1) * size)
            weight[:inputs, new], weight[inputs:, new] = of_input[old].t(), of_state[old].t()
            apart = self._cell == "gru" and block == gates - 1
            bias[new] = input_bias[old] if apart else input_bias[old] + state_bias[old]
        begin = self._inputs + (number - 1) * size if number else 0
        return _Layer(begin, inputs, weight, bias, self._placed(state_bias[-size:]))

    def _placed(self, tensor: Tensor) -> Tensor:
        return tensor.detach().to(self._device, self._dtype).contiguous()
