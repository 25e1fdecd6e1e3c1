"""Training by several processes that torchrun started: one for each GPU, or some for a host's processor.

Each learns from its part of every batch, and the gradients are averaged (PyTorch's DistributedDataParallel, over gloo
on CPUs and NCCL on GPUs), so that all hold the same weights after every step: those that one process would have had.
What is decided on the way is decided alike by all of them, or one would wait for the others for ever.
"""

import gc
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import TypeVar
from uuid import uuid4

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from poetry_model.devices import choose_device
from poetry_model.errors import BAD_INPUT, PoetryError, TrainingError

T = TypeVar("T")

_PAUSE = 0.02
"""Seconds between two looks for a process that has not come yet."""


@dataclass(frozen=True, slots=True)
class Ranks:
    """The processes of a training, seen from one of them; what is not said to be that one's own is the same in all.

    What they tell one another raises `TrainingError` when one of them is gone.
    """

    rank: int = 0
    """This process's own number."""
    size: int = 1
    restarted: bool = False
    """Whether torchrun started them anew, because one was lost."""

    @property
    def is_main(self) -> bool:
        """Whether it is this process that writes and speaks."""
        return self.rank == 0

    def part(self, whole: Sequence[T]) -> Sequence[T]:
        """The part of this process; together the parts are the whole."""
        return whole[self.rank :: self.size] if self.size > 1 else whole

    def parallel(self, loss: nn.Module) -> Callable[..., Tensor]:
        """`loss`, whose gradients become the mean over the processes; they must not be asked for without it."""
        if self.size == 1:
            return loss
        with self.connected():
            return DistributedDataParallel(loss)

    def gather(self, *values: float) -> list[list[float]]:
        """The values of every process, in the order of the ranks."""
        if self.size == 1:
            return [list(values)]
        own = torch.tensor(values, dtype=torch.float64)
        found = [torch.empty_like(own) for _ in range(self.size)]
        with self.connected():
            dist.all_gather(found, own)
        return [one.tolist() for one in found]

    def total(self, *values: float) -> list[float]:
        """Each value summed over the processes."""
        return [sum(column) for column in zip(*self.gather(*values), strict=True)]

    def mean(self, value: float) -> float:
        """Its mean over the processes."""
        return self.total(value)[0] / self.size

    def of_main(self, value: float) -> float:
        """That of the main process."""
        return self.gather(value)[0][0]

    def any(self, value: bool) -> bool:  # noqa: FBT001 # the name says what it asks
        """Whether it is true of any."""
        return self.total(value)[0] > 0

    def wait(self) -> None:
        """Go on when all have come here."""
        self.gather(0.0)

    def all_alike(self, *values: float) -> bool:
        """Whether all have the same values."""
        first, *others = self.gather(*values)
        return all(one == first for one in others)

    def seed(self, *step: int) -> None:
        """Let chance depend on the step and the rank alone, so that a resumed training draws the same.

        One process needs none of it: it saves where its generator stands.
        """
        if self.size > 1:
            torch.manual_seed(Random(f"{step}/{self.rank}").getrandbits(63))

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Within, what fails between processes is a `TrainingError`."""
        try:
            yield
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            if self.size == 1:
                raise
            reason = str(error).partition("\n")[0]
            raise TrainingError(
                f"A process of the training was lost ({reason}); go on with the same command and --resume."
            ) from error


ALONE = Ranks()
"""One process, however it was started."""


@contextmanager
def joined(device: str) -> Iterator[Ranks]:
    """A process's place among those that torchrun started, or alone; with `device` as for `choose_device`.

    On GPUs each has its own, which "cuda" then means. Raises `PoetryError`; where one host runs several processes one
    of them says what is wrong, and the others end with the same exit code in silence.
    """
    if not dist.is_torchelastic_launched():
        yield ALONE
        return
    local = _number("LOCAL_RANK")
    try:
        yield from _join(Ranks(_number("RANK"), _number("WORLD_SIZE")), choose_device(device), local)
    except PoetryError as error:
        if local == 0:
            raise
        raise SystemExit(BAD_INPUT) from error


def _join(ranks: Ranks, device: torch.device, local: int) -> Iterator[Ranks]:
    restarted = _number("TORCHELASTIC_RESTART_COUNT") > 0
    if device.type == "cuda":
        gpus, processes = torch.cuda.device_count(), _number("LOCAL_WORLD_SIZE")
        if processes > gpus:
            raise TrainingError(f"{processes} processes cannot share {gpus} GPU(s); use --nproc-per-node {gpus}.")
        torch.cuda.set_device(local)
    if ranks.size == 1:
        yield replace(ranks, restarted=restarted)
        return
    with ranks.connected():
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo",
            store=_meet(ranks),
            rank=ranks.rank,
            world_size=ranks.size,
        )
    # A host that takes the place of a lost one starts its processes for the first time.
    yield replace(ranks, restarted=ranks.any(restarted))
    # Not after an error: with a process gone NCCL would wait for it. What still holds the group would hold its threads,
    # which must not outlive the interpreter.
    gc.collect()
    dist.destroy_process_group()


def _meet(ranks: Ranks) -> Store:
    """Where the processes of this start, and none of an earlier one, leave messages for each other.

    torchrun keeps its store when it starts processes anew: there they find the addresses of those that are gone, and
    its count of restarts may differ from host to host. So each says a word that was never said, to which the main one
    answers with the place to meet; words it hears from an earlier start find nobody who goes there.
    """
    store: Store
    store, _, _ = next(rendezvous("env://"))
    word = uuid4().hex
    if ranks.is_main:
        for rank in range(1, ranks.size):
            while not store.check([f"{word}/{rank}"]):
                store.set(f"answer/{store.get(f'word/{rank}').decode()}", word)
                time.sleep(_PAUSE)
        return PrefixStore(word, store)
    store.set(f"word/{ranks.rank}", word)
    place = store.get(f"answer/{word}").decode()
    store.set(f"{place}/{ranks.rank}", "")
    return PrefixStore(place, store)


def _number(name: str) -> int:
    return int(os.environ[name])
