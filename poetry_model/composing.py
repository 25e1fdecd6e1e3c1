"""How a model composes; it travels inside the bundle."""

from dataclasses import asdict, dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le

from poetry_model.sampling import COLDEST


@dataclass(frozen=True, slots=True)
class Composing:
    """What a model's makers decided of its composing. The defaults are the product's; the baselines differ."""

    format: Literal["given", "sampled"] = "given"
    """Whether lines end where the form says, or where the network writes a line end."""
    greedy: bool = False
    """Whether the likeliest character is always taken."""
    repeats: bool = False
    """Whether a character may come back in a poem."""
    initial_state: Annotated[float, Ge(0), Le(100)] = 0.0
    """Standard deviation of the normal distribution that the first state is drawn from."""

    def temperature(self, asked: float) -> float:
        """The temperature for one who asked for `asked`."""
        return COLDEST if self.greedy else asked

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)
