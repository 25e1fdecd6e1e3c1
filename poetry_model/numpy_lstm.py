"""An LSTM language model from first principles: NumPy alone, float64, every derivative written out.

At place t of a poem, with x the embedding of the character before it (or, above the first layer, the hidden state of
the layer below), · element by element, and ₋₁ and ₊₁ for the places before and after:

    a  = W_ih x + b_ih + W_hh h₋₁ + b_hh       pre-activations, four blocks: a_i, a_f, a_g, a_o
    i  = σ(a_i)   f = σ(a_f)   o = σ(a_o)      input, forget and output gate
    c̃  = tanh(a_g)                             candidate
    c  = f·c₋₁ + i·c̃                           cell
    h  = o·tanh(c)                             hidden state
    s  = W_out h + b_out                       scores, of the last layer's h
    p  = softmax(s)                            and the loss L is the mean of −log p[target]

Backward, in the order of the functions below (Hochreiter & Schmidhuber 1997; the forget gate is that of Gers et al.
2000; names, shapes and gate order are those of `torch.nn.LSTM`):

    1. from the output    ∂L/∂s = (p − onehot(target)) / places     `_through_output`
    2. hidden state       ∂h/∂o, ∂h/∂c                              `_hidden_slopes`
    3. cell               ∂c/∂i, ∂c/∂f, ∂c/∂c̃, and ∂c/∂c₋₁          `_cell_slopes`
    4. gates              σ′ and tanh′ at the pre-activations       `_gate_slopes`
    5. parameters         ∂L/∂W = Σ ∂L/∂a ⊗ x, over all places      `_to_parameters`
    6. chain through time ∂L/∂h and ∂L/∂c, last place first         `_through_time`
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poetry_model.errors import BundleError
from poetry_model.vocabulary import PAD

Array = NDArray[np.float64]
Ids = NDArray[np.integer]

Parameters = dict[str, Array]
"""Name → array; names and shapes are those of `shapes`."""

State = tuple[Array, Array]
"""Hidden and cell state, each (layers, batch, hidden)."""

_INPUT, _FORGET, _CANDIDATE, _OUTPUT = range(4)
"""The blocks of the pre-activations, in PyTorch's order."""

_SLICE = 512
"""Rows whose scores are held at once: with thousands of ids they are the largest array by far."""


@dataclass(frozen=True, slots=True)
class LayerTrace:
    """What one layer did at every place, kept for the way back; time comes first, so that a place is one block."""

    inputs: Array
    """x, (places, batch, inputs)."""
    gates: Array
    """i, f, c̃, o, (places, batch, 4, hidden)."""
    cells: Array
    """c, the state before the first place in front, (1 + places, batch, hidden)."""
    hiddens: Array
    """h, likewise, (1 + places, batch, hidden)."""
    squashed: Array
    """tanh(c), (places, batch, hidden)."""


Trace = list[LayerTrace]
"""One for each layer, the lowest first."""


def shapes(vocabulary: int, embedding: int, hidden: int, layers: int) -> dict[str, tuple[int, ...]]:
    """Name and shape of every parameter, as in the state dict of the PyTorch network with the same widths."""
    table: dict[str, tuple[int, ...]] = {"characters.weight": (vocabulary, embedding)}
    for layer in range(layers):
        table |= {
            f"recurrent.weight_ih_l{layer}": (4 * hidden, hidden if layer else embedding),
            f"recurrent.weight_hh_l{layer}": (4 * hidden, hidden),
            f"recurrent.bias_ih_l{layer}": (4 * hidden,),
            f"recurrent.bias_hh_l{layer}": (4 * hidden,),
        }
    return table | {"output.weight": (vocabulary, hidden), "output.bias": (vocabulary,)}


def uniform(sizes: Mapping[str, tuple[int, ...]], generator: np.random.Generator) -> Parameters:
    """Parameters of the `shapes` given, drawn evenly from ±1/√hidden."""
    bound = sizes["output.weight"][-1] ** -0.5
    return {name: generator.uniform(-bound, bound, shape) for name, shape in sizes.items()}


class NumpyNetwork:
    """Embedding → LSTM layers → linear → softmax, forward and backward."""

    def __init__(self, parameters: Mapping[str, NDArray[np.floating]]) -> None:
        """`parameters` (see `shapes`) are copied to float64. Raises `BundleError` when they fit no such network."""
        self.parameters: Parameters = {
            name: np.array(array, dtype=np.float64, order="C") for name, array in parameters.items()
        }
        """Live: an optimiser changes them in place."""
        self.layers = sum(name.startswith("recurrent.weight_hh_l") for name in parameters)
        found = {name: array.shape for name, array in self.parameters.items()}
        widths = (*found.get("characters.weight", ()), *found.get("output.weight", ())[1:])
        if len(widths) != 3 or not self.layers or found != shapes(*widths, self.layers):  # noqa: PLR2004 # vocabulary, embedding, hidden
            raise BundleError(
                "These weights are not those of a plain LSTM with an output layer of its own; "
                "train them with the PyTorch engine."
            )

    def forward(self, previous: Ids, state: State | None = None) -> tuple[Array, State, Trace]:
        """Log-probabilities of every id at each place, (batch, places, vocabulary), the state after, and the trace.

        previous: id of the character *before* each place, (batch, places); state: from an earlier call.
        """
        trace = self._recur(previous, state)
        last = np.stack([layer.hiddens[-1] for layer in trace]), np.stack([layer.cells[-1] for layer in trace])
        return log_softmax(self._score(_hidden_of(trace))), last, trace

    def loss(self, previous: Ids, targets: Ids) -> float:
        """Mean cross-entropy in nats of `targets` (batch, places); `<pad>` does not count, and not all are `<pad>`."""
        hidden, wanted = _characters(self._recur(previous), targets)
        total = 0.0
        for rows in _slices(len(wanted)):
            scores = log_softmax(self._score(hidden[rows]))
            total -= float(scores[np.arange(len(scores)), wanted[rows]].sum())
        return total / len(wanted)

    def loss_and_gradients(self, previous: Ids, targets: Ids) -> tuple[float, Parameters]:
        """`loss` and its gradient by every parameter, in the parameters' names and shapes."""
        trace = self._recur(previous)
        loss, from_above, gradients = self._through_output(trace, targets)
        for layer in reversed(range(self.layers)):
            own, from_above = self._through_layer(layer, trace[layer], from_above)
            gradients |= own
        gradients["characters.weight"] = _scatter(previous.T, from_above, len(self.parameters["characters.weight"]))
        return loss, {name: gradients[name] for name in self.parameters}

    def _recur(self, previous: Ids, state: State | None = None) -> Trace:
        """Every layer over every place."""
        below = self.parameters["characters.weight"][previous.T]
        trace: Trace = []
        for layer in range(self.layers):
            width = self.parameters[f"recurrent.weight_hh_l{layer}"].shape[1]
            nothing = np.zeros((previous.shape[0], width))
            hidden, cell = (state[0][layer], state[1][layer]) if state is not None else (nothing, nothing)
            trace.append(self._recur_layer(layer, below, hidden, cell))
            below = trace[-1].hiddens[1:]
        return trace

    def _recur_layer(self, layer: int, inputs: Array, hidden: Array, cell: Array) -> LayerTrace:
        """One layer over every place, from `hidden` and `cell` (batch, hidden)."""
        from_input, from_hidden, *biases = self._of_layer(layer)
        places, batch, _ = inputs.shape
        width = hidden.shape[-1]
        # W_ih x waits for nothing, so it is one product for all places; only W_hh h₋₁ must go place by place.
        gates = (_flat(inputs) @ from_input.T + sum(biases)).reshape(places, batch, 4, width)
        cells, hiddens = np.empty((2, 1 + places, batch, width))
        squashed = np.empty((places, batch, width))
        hiddens[0], cells[0] = hidden, cell
        for place in range(places):
            now = gates[place]
            now += (hiddens[place] @ from_hidden.T).reshape(now.shape)
            now[:, :_CANDIDATE] = sigmoid(now[:, :_CANDIDATE])
            now[:, _CANDIDATE] = np.tanh(now[:, _CANDIDATE])
            now[:, _OUTPUT] = sigmoid(now[:, _OUTPUT])
            cells[place + 1] = now[:, _FORGET] * cells[place] + now[:, _INPUT] * now[:, _CANDIDATE]
            np.tanh(cells[place + 1], out=squashed[place])
            np.multiply(now[:, _OUTPUT], squashed[place], out=hiddens[place + 1])
        return LayerTrace(inputs, gates, cells, hiddens, squashed)

    def _of_layer(self, layer: int) -> tuple[Array, Array, Array, Array]:
        """W_ih (4·hidden, inputs), W_hh (4·hidden, hidden), b_ih and b_hh (4·hidden,)."""
        weight_ih, weight_hh, bias_ih, bias_hh = (self.parameters[name] for name in _names(layer))
        return weight_ih, weight_hh, bias_ih, bias_hh

    def _score(self, hidden: Array) -> Array:
        """W_out h + b_out, (..., vocabulary), of hidden states (..., hidden)."""
        scores: Array = hidden @ self.parameters["output.weight"].T
        scores += self.parameters["output.bias"]
        return scores

    def _through_output(self, trace: Trace, targets: Ids) -> tuple[float, Array, Parameters]:
        """1. The loss, ∂L/∂h of the last layer (places, batch, hidden), and the output layer's gradients.

        log p[y] = s[y] − log Σ exp s, so ∂(−log p[y])/∂s = p − onehot(y), (rows, vocabulary), a row for each place that
        holds a character; ∂L/∂s is that over the number of rows, and 0 at `<pad>`. Then ∂L/∂h = W_outᵀ ∂L/∂s,
        ∂L/∂W_out = Σ ∂L/∂s ⊗ h and ∂L/∂b_out = Σ ∂L/∂s.
        """
        hidden, wanted = _characters(trace, targets)
        weight, bias = self.parameters["output.weight"], self.parameters["output.bias"]
        by_hidden, by_weight, by_bias = np.empty_like(hidden), np.zeros_like(weight), np.zeros_like(bias)
        total = 0.0
        for rows in _slices(len(wanted)):
            scores = self._score(hidden[rows])
            at = np.arange(len(scores)), wanted[rows]
            scores -= scores.max(axis=-1, keepdims=True)
            log_likelihood = scores[at].sum()
            probabilities = np.exp(scores, out=scores)
            normaliser = probabilities.sum(axis=-1, keepdims=True)
            total += float(np.log(normaliser).sum() - log_likelihood)
            probabilities /= normaliser
            by_score = probabilities
            by_score[at] -= 1
            by_score /= len(wanted)
            by_hidden[rows] = by_score @ weight
            by_weight += by_score.T @ hidden[rows]
            by_bias += by_score.sum(axis=0)
        by_place = np.zeros_like(trace[-1].squashed)
        by_place.swapaxes(0, 1)[targets != PAD] = by_hidden
        return total / len(wanted), by_place, {"output.weight": by_weight, "output.bias": by_bias}

    def _through_layer(self, layer: int, trace: LayerTrace, from_above: Array) -> tuple[Parameters, Array]:
        """The gradients of one layer's parameters, and ∂L/∂x (places, batch, inputs) for the layer below."""
        weight_ih, weight_hh, *_ = self._of_layer(layer)
        by_activation = _through_time(trace, from_above, weight_hh)
        by_inputs = (_flat(by_activation) @ weight_ih).reshape(trace.inputs.shape)
        return dict(zip(_names(layer), _to_parameters(trace, by_activation), strict=True)), by_inputs


def _hidden_slopes(trace: LayerTrace) -> tuple[Array, Array]:
    """2. h = o·tanh(c): ∂h/∂o = tanh(c) and ∂h/∂c = o·(1 − tanh²(c)), each (places, batch, hidden)."""
    return trace.squashed, trace.gates[:, :, _OUTPUT] * (1 - trace.squashed**2)


def _cell_slopes(trace: LayerTrace) -> tuple[Array, Array, Array, Array]:
    """3. c = f·c₋₁ + i·c̃: ∂c/∂i = c̃, ∂c/∂f = c₋₁, ∂c/∂c̃ = i and ∂c/∂c₋₁ = f, each (places, batch, hidden)."""
    gates = trace.gates
    return gates[:, :, _CANDIDATE], trace.cells[:-1], gates[:, :, _INPUT], gates[:, :, _FORGET]


def _gate_slopes(trace: LayerTrace) -> Array:
    """4. σ′(a) = σ(a)·(1 − σ(a)) and tanh′(a) = 1 − tanh²(a), from i, f, c̃, o alone: (places, batch, 4, hidden)."""
    gates = trace.gates
    slopes = gates * (1 - gates)
    slopes[:, :, _CANDIDATE] = 1 - gates[:, :, _CANDIDATE] ** 2
    return slopes


def _to_parameters(trace: LayerTrace, by_activation: Array) -> tuple[Array, Array, Array, Array]:
    """5. The gradients of W_ih, W_hh, b_ih and b_hh from ∂L/∂a (places, batch, 4·hidden).

    The same parameters serve every place, so their gradients are sums over places and batch: ∂L/∂W_ih = Σ ∂L/∂a ⊗ x,
    ∂L/∂W_hh = Σ ∂L/∂a ⊗ h₋₁ and ∂L/∂b = Σ ∂L/∂a for either bias; each sum is one matrix product.
    """
    rows = _flat(by_activation)
    by_bias = rows.sum(axis=0)
    # Two biases, two arrays: whoever scales the gradients in place must not scale one array twice.
    return rows.T @ _flat(trace.inputs), rows.T @ _flat(trace.hiddens[:-1]), by_bias, by_bias.copy()


def _through_time(trace: LayerTrace, from_above: Array, weight_hh: Array) -> Array:
    """6. ∂L/∂a, (places, batch, 4·hidden), from the part of ∂L/∂h that comes from above, (places, batch, hidden).

    A place acts on the loss through what stands above it, output or layer, and through the place after it. So, last
    place first,

        ∂L/∂h = from_above + W_hhᵀ ∂L/∂a₊₁
        ∂L/∂c = ∂L/∂h · ∂h/∂c + ∂L/∂c₊₁ · f₊₁

    and then ∂L/∂a_k = ∂L/∂c · ∂c/∂k · k′ for the blocks k = i, f, c̃, and ∂L/∂a_o = ∂L/∂h · ∂h/∂o · σ′(a_o). Along the
    cell alone the gradient is multiplied by f at each place: with f near 1 it survives, which is what the gates are
    for.
    """
    hidden_by_output, hidden_by_cell = _hidden_slopes(trace)
    *cell_by_gate, forget = _cell_slopes(trace)
    slopes = _gate_slopes(trace)
    # From here each block holds what a gate's pre-activation does to c, or, the output gate's, to h.
    for gate, effect in zip((_INPUT, _FORGET, _CANDIDATE, _OUTPUT), (*cell_by_gate, hidden_by_output), strict=True):
        slopes[:, :, gate] *= effect
    places, batch, width = from_above.shape
    by_activation = slopes.reshape(places, batch, 4 * width)
    from_after = np.zeros((batch, width))
    by_cell = np.zeros((batch, width))
    for place in reversed(range(places)):
        by_hidden = from_above[place] + from_after
        by_cell += by_hidden * hidden_by_cell[place]
        slopes[place, :, :_OUTPUT] *= by_cell[:, np.newaxis]
        slopes[place, :, _OUTPUT] *= by_hidden
        from_after = by_activation[place] @ weight_hh
        by_cell *= forget[place]
    return by_activation


def sigmoid(values: Array) -> Array:
    """σ(x) = 1/(1 + exp(−x)), of negative x as exp(x)/(1 + exp(x)): no power exceeds 1, and small values stay exact."""
    power = np.exp(-np.abs(values))
    result: Array = np.where(values < 0, power, 1.0) / (1 + power)
    return result


def log_softmax(scores: Array) -> Array:
    """Log-probabilities (..., ids) of scores (..., ids); with the largest at 0 no power overflows, their sum is ≥ 1."""
    shifted: Array = scores - scores.max(axis=-1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return shifted


def _names(layer: int) -> list[str]:
    """The parameters of one layer, in the order of `_of_layer`."""
    return [f"recurrent.{kind}_l{layer}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]


def _flat(array: Array) -> Array:
    """(places, batch, ...) as the rows of a matrix."""
    return array.reshape(array.shape[0] * array.shape[1], -1)


def _hidden_of(trace: Trace) -> Array:
    """The last layer's hidden states, (batch, places, hidden)."""
    return trace[-1].hiddens[1:].swapaxes(0, 1)


def _characters(trace: Trace, targets: Ids) -> tuple[Array, Ids]:
    """Hidden states (rows, hidden) and targets (rows,) of the places that hold a character."""
    mask = targets != PAD
    return _hidden_of(trace)[mask], targets[mask]


def _slices(rows: int) -> Iterator[slice]:
    return (slice(begin, begin + _SLICE) for begin in range(0, rows, _SLICE))


def _scatter(ids: Ids, rows: Array, count: int) -> Array:
    """∂L/∂embedding (count, width): for each id the sum of the `rows` (..., width) where it stood."""
    table = np.zeros((count, rows.shape[-1]))
    # Sorted, the rows of one id are neighbours and are added in one call; np.add.at goes element by element.
    order = np.argsort(ids, axis=None, kind="stable")
    met, begins = np.unique(ids.ravel()[order], return_index=True)
    table[met] = np.add.reduceat(rows.reshape(-1, rows.shape[-1])[order], begins, axis=0)
    return table
