import math

import pytest
import torch

from poetry_model.batches import collate
from poetry_model.corpus import Verse
from poetry_model.evaluation import perplexity
from poetry_model.network import NetworkConfig, PoetNetwork
from poetry_model.vocabulary import Vocabulary

CPU = torch.device("cpu")
VERSES = [Verse(("月山水月山",)), Verse(("月月月山龘山水",) * 2)]
VOCABULARY = Vocabulary("月山水")


@pytest.fixture
def network() -> PoetNetwork:
    torch.manual_seed(0)
    return PoetNetwork(NetworkConfig(len(VOCABULARY), embedding=4, hidden=6, layers=2, dropout=0.5))


def _deaf(network: PoetNetwork, probabilities: list[float]) -> PoetNetwork:
    """The network with its embedding at zero: the bias alone decides."""
    with torch.no_grad():
        network.characters.weight.zero_()
        network.bias.copy_(torch.tensor(probabilities).log())
    return network


def test_perplexity_agrees_with_a_computation_by_hand(network: PoetNetwork) -> None:
    # Ids: <pad>, <unk>, 月, 山, 水. Of 19 characters 8 are 月, 6 are 山, 3 are 水, 2 are unknown.
    result = perplexity(_deaf(network, [0.1, 0.1, 0.4, 0.2, 0.2]), VOCABULARY, VERSES, CPU)
    by_hand = (0.4**8 * 0.2**6 * 0.2**3 * 0.1**2) ** (-1 / 19)
    assert result.perplexity == pytest.approx(by_hand, rel=1e-5)
    assert (result.poems, result.characters) == (2, 19)
    assert result.unknown_rate == pytest.approx(2 / 19)


def test_every_character_is_scored_after_those_before_it(network: PoetNetwork) -> None:
    network.eval()
    loss = 0.0
    for verse in VERSES:
        batch = collate([verse], VOCABULARY)
        likelihoods = network(batch.previous, batch.conditions)[0].log_softmax(dim=-1)
        loss -= sum(likelihoods[0, place, number].item() for place, number in enumerate(batch.targets[0].tolist()))
    assert perplexity(network, VOCABULARY, VERSES, CPU).perplexity == pytest.approx(math.exp(loss / 19), rel=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_the_network_is_judged_without_dropout_and_left_as_it_was(network: PoetNetwork, *, training: bool) -> None:
    network.train(training)
    first, second = (perplexity(network, VOCABULARY, VERSES, CPU) for _ in range(2))
    assert first == second
    assert network.training is training
