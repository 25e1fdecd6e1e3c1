from pathlib import Path

import pytest

from poetry_model.errors import PoetryError, RequestError
from poetry_model.manuscript import Manuscript
from poetry_model.poem import Poem, PoemRequest, Style
from poetry_model.poet import Poet
from poetry_model.session import Session

REQUESTS = [
    PoemRequest("月", 5, 4, seed=1, candidates=3),
    PoemRequest("春江", 7, 8, seed=2, candidates=1),
    PoemRequest.acrostic("春江花月山水", 5, seed=3, candidates=2),
    PoemRequest("山", 7, 16, seed=4, candidates=2, style=Style.FREE),
    PoemRequest("龘云", 5, 1, seed=5, candidates=16),
    PoemRequest.continued("水日不花風", 2, seed=6, candidates=1),
]


def _finish(session: Session) -> dict[int, Poem]:
    poems: dict[int, Poem] = {}
    while session:
        poems.update(session.step())
    return poems


def _assert_alike(one: Poem, other: Poem) -> None:
    # The products of another number of rows are summed in another order.
    assert one.likelihood == pytest.approx(other.likelihood, rel=1e-4)
    assert (one.request, one.traditional) == (other.request, other.traditional)


@pytest.mark.parametrize("apart", [0, 1, 3, 10])
def test_a_poem_is_the_same_whenever_it_joins(poet: Poet, apart: int) -> None:
    session, poems = poet.session(), dict[int, Poem]()
    tickets = []
    for request in REQUESTS:
        tickets.append(session.add(request))
        for _ in range(apart):
            poems.update(session.step())
    poems.update(_finish(session))
    for ticket, alone in zip(tickets, [poem for request in REQUESTS for poem in poet.compose([request])], strict=True):
        _assert_alike(poems[ticket], alone)


def test_a_poem_comes_out_with_its_last_character(poet: Poet) -> None:
    session = poet.session()
    lengths = {session.add(request): request.form * request.lines for request in REQUESTS}
    for character in range(1, max(lengths.values()) + 1):
        for ticket, _ in session.step():
            assert lengths.pop(ticket) == character
    assert not lengths
    assert len(session) == 0


def test_a_session_has_as_many_rows_as_there_are_candidates(poet: Poet) -> None:
    session = poet.session()
    for request in REQUESTS:
        session.add(request)
    assert len(session) == sum(request.candidates for request in REQUESTS)


def test_what_is_refused_leaves_nothing_behind(poet: Poet) -> None:
    session = poet.session()
    kept = session.add(REQUESTS[0])
    with pytest.raises(RequestError, match="cannot rhyme"):
        session.add(PoemRequest("月", rhyme="龘"))
    assert len(session) == REQUESTS[0].candidates
    assert list(_finish(session)) == [kept]


def test_room_is_made_for_longer_poems_with_more_characters_given(poet: Poet) -> None:
    session = poet.session()
    short = session.add(PoemRequest("月", 5, 2, seed=1))
    session.step()
    lines = ["春江花天山", "水日不花風", "月雲秋人一"]
    long = session.add(PoemRequest.resumed(lines, "山水風雲日", 5, 16, seed=1))
    poems = _finish(session)
    assert poems[short].traditional == poet.compose([PoemRequest("月", 5, 2, seed=1)])[0].traditional
    assert list(poems[long].traditional[:3]) == lines


def test_a_model_without_prosody_writes_side_by_side_too(toneless_poet: Poet) -> None:
    session = toneless_poet.session()
    tickets = {session.add(request): request for request in REQUESTS}
    for ticket, poem in _finish(session).items():
        _assert_alike(poem, toneless_poet.compose([tickets[ticket]])[0])


def test_nothing_to_write_is_no_work(poet: Poet) -> None:
    manuscript: Manuscript = poet.manuscript()
    manuscript.add([])
    assert len(manuscript) == 0
    assert poet.compose([]) == []


def test_half_precision_keeps_every_rule(bundle_folder: Path) -> None:
    try:
        half = Poet.load(bundle_folder, "cpu", "half")
    except PoetryError as error:
        pytest.skip(f"no half precision here: {error}")
    requests = [PoemRequest("春", 7, 8, seed=seed) for seed in range(20)]
    together = half.compose(requests)
    assert [poem.breaches for poem in together] == [()] * 20
    assert {poem.request.seed for poem in together} == set(range(20))
