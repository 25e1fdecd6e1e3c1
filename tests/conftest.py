"""What every test may use: nonsense verse in chinese-poetry's layout, and small models trained on it."""

import json
import random
import shutil
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings

from poetry_model.corpus import Verse, read_corpus
from poetry_model.poet import Poet
from poetry_model.training_config import TrainingConfig
from poetry_model.training_run import TrainingRun

settings.register_profile(
    "shiren", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.load_profile("shiren")

# Networks as small as these only lose by sharing their work between threads.
torch.set_num_threads(1)

# The characters that end even lines, in groups that rhyme among themselves.
_LEVEL_RHYMES = ("風東中空紅同窮翁宮鴻蓬公通功", "香光霜鄉傷黃涼堂牀忘狂裳腸陽", "人春塵新身親貧鄰真津神巾辰綸")
_OBLIQUE_RHYMES = ("月雪別絕歇發缺滅節說徹悅", "後暮路樹度去故顧渡霧露素")
# 后 here and 後 above share one simplified form.
_LEVEL = "山花雲天秋江年時松樓舟門寒白青來歸行無鐘城溪煙村泉琴題疏林深清"
_OBLIQUE = "水日夜雨不一竹石鳥馬遠里后憶見酒夢雁客古寺影柳草海靜落葉照冷曉醉"
_EITHER = "長思聞"

_GROUPS = [*((group, "平") for group in _LEVEL_RHYMES), *((group, "仄") for group in _OBLIQUE_RHYMES)]
_TONES = {
    **{character: tone for group, tone in _GROUPS for character in group},
    **dict.fromkeys(_LEVEL, "平"),
    **dict.fromkeys(_OBLIQUE, "仄"),
    **dict.fromkeys(_EITHER, "○"),
    **dict.fromkeys("，。", "，"),
}
# The first come most often.
_HAN = "月山水風雲花春天人秋" + "".join(sorted(set(_TONES) - set("，。月山水風雲花春天人秋")))


def _nonsense(poems: int, seed: int) -> list[list[str]]:
    """Paragraphs of two lines each, of characters that follow one another without sense; even lines rhyme."""
    generator = random.Random(seed)
    weights = [1 / (rank + 5) for rank in range(len(_HAN))]
    verse = []
    for _ in range(poems):
        form, couplets = generator.choice((5, 7)), generator.choice((2, 4))
        group, _ = generator.choice(_GROUPS)
        odd = ["".join(generator.choices(_HAN, weights, k=form)) for _ in range(couplets)]
        even = ["".join(generator.choices(_HAN, weights, k=form - 1)) for _ in range(couplets)]
        ends = generator.sample(group, couplets)
        verse.append([f"{one}，{two}{end}。" for one, two, end in zip(odd, even, ends, strict=True)])
    return verse


def _train(corpus: Path, out: Path) -> Path:
    """A model of real make and little size."""
    run = TrainingRun(
        corpus=corpus,
        out=out,
        config=TrainingConfig(epochs=2, batch_characters=512, learning_rate=1e-2),
        device=torch.device("cpu"),
        architecture={"embedding": 16, "hidden": 32, "layers": 2},
    )
    run.execute(lambda _progress: None, lambda: False, lambda _line: None)
    return out


@pytest.fixture(scope="session")
def corpus_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hundred nonsense poems of 4 or 8 lines, five or seven characters each, with the tones of all characters."""
    return _write_corpus(tmp_path_factory.mktemp("verse"), 200)


@pytest.fixture(scope="session")
def large_corpus_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two thousand poems of the same kind, which are not learned in a moment."""
    return _write_corpus(tmp_path_factory.mktemp("more-verse"), 2000)


def _write_corpus(folder: Path, count: int) -> Path:
    poems = [
        {"author": "無名", "title": "無題", "id": str(number), "paragraphs": paragraphs}
        for number, paragraphs in enumerate(_nonsense(count, seed=8))
    ]
    strains = [
        {"id": poem["id"], "strains": ["".join(_TONES[sign] for sign in line) for line in poem["paragraphs"]]}
        for poem in poems
    ]
    for name, content in (("全唐诗", poems), ("strains/json", strains)):
        (folder / name).mkdir(parents=True)
        file = folder / name / "poet.tang.0.json"
        file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def toneless_corpus_folder(corpus_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The poems of `corpus_folder` without their tones."""
    folder = tmp_path_factory.mktemp("toneless")
    shutil.copytree(corpus_folder / "全唐诗", folder / "全唐诗")
    return folder


@pytest.fixture(scope="session")
def verses(corpus_folder: Path) -> tuple[Verse, ...]:
    """The poems of `corpus_folder`."""
    return read_corpus(corpus_folder).verses


@pytest.fixture(scope="session")
def bundle_folder(corpus_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model trained on `corpus_folder`, with its prosody. Tests copy it before they alter it."""
    return _train(corpus_folder, tmp_path_factory.mktemp("models") / "bundle")


@pytest.fixture(scope="session")
def toneless_bundle_folder(toneless_corpus_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model without prosody. Tests copy it before they alter it."""
    return _train(toneless_corpus_folder, tmp_path_factory.mktemp("models") / "toneless")


@pytest.fixture(scope="session")
def poet(bundle_folder: Path) -> Poet:
    """The poet of `bundle_folder`."""
    return Poet.load(bundle_folder, "cpu")


@pytest.fixture(scope="session")
def toneless_poet(toneless_bundle_folder: Path) -> Poet:
    """The poet of `toneless_bundle_folder`."""
    return Poet.load(toneless_bundle_folder, "cpu")
