"""What every test may use: nonsense verse in chinese-poetry's layout, and a small model trained on it."""

import json
import random
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings

from poetry_model.corpus import Verse, read_corpus
from poetry_model.poet import Poet
from poetry_model.training import TrainingConfig
from poetry_model.training_run import TrainingRun

settings.register_profile(
    "shiren", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.load_profile("shiren")

# Networks as small as these only lose by sharing their work between threads.
torch.set_num_threads(1)

# The first come most often. 后 and 後 are both here: they share one simplified form.
_HAN = "月山水雲風花春秋江天人日夜雨雪松竹石鳥馬門樓舟遠深清寒白青紅長新來去歸行見聞思憶年時里後后一無不"


def _nonsense(poems: int, seed: int) -> list[list[str]]:
    """Paragraphs of two lines each, of characters that follow one another without sense."""
    generator = random.Random(seed)
    weights = [1 / rank for rank in range(1, len(_HAN) + 1)]

    def line(form: int) -> str:
        return "".join(generator.choices(_HAN, weights, k=form))

    shapes = [(generator.choice((5, 7)), generator.choice((2, 4))) for _ in range(poems)]
    return [[f"{line(form)}，{line(form)}。" for _ in range(couplets)] for form, couplets in shapes]


@pytest.fixture(scope="session")
def corpus_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hundred nonsense poems of 4 or 8 lines, five or seven characters each."""
    folder = tmp_path_factory.mktemp("verse")
    (folder / "全唐诗").mkdir()
    poems = [{"author": "無名", "title": "無題", "paragraphs": paragraphs} for paragraphs in _nonsense(200, seed=8)]
    (folder / "全唐诗" / "poet.tang.0.json").write_text(json.dumps(poems, ensure_ascii=False), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def verses(corpus_folder: Path) -> tuple[Verse, ...]:
    """The poems of `corpus_folder`."""
    return read_corpus(corpus_folder).verses


@pytest.fixture(scope="session")
def bundle_folder(corpus_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of real make and little size, trained on `corpus_folder`. Tests copy it before they alter it."""
    out = tmp_path_factory.mktemp("models") / "bundle"
    run = TrainingRun(
        corpus=corpus_folder,
        out=out,
        config=TrainingConfig(epochs=2, batch_characters=512, learning_rate=1e-2),
        device=torch.device("cpu"),
        architecture={"embedding": 16, "hidden": 32, "layers": 2},
    )
    run.execute(lambda _progress: None, lambda: False, lambda _line: None)
    return out


@pytest.fixture(scope="session")
def poet(bundle_folder: Path) -> Poet:
    """The poet of `bundle_folder`."""
    return Poet.load(bundle_folder, "cpu")
