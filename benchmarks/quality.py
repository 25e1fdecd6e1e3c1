"""How good the verse is: `python benchmarks/quality.py --corpus DIR` prints the table of the README.

Held-back poems of people, a Kneser-Ney 4-gram, the network without controls, the model as it ships, and each baseline
are measured with the same rules. The prosody and the n-grams are learned from the training side of the corpus, so that
no row depends on another's bundle. With `--effects` it tells instead what candidates and temperature do.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

from benchmarks import effects
from benchmarks.classifier import FOLDS
from benchmarks.judge import FEWEST, SHAPES, Figures, Judge, Shape, Source
from benchmarks.kneser_ney import KneserNey
from benchmarks.report import Table
from benchmarks.sources import PEOPLE, Baseline, Sampling, baseline_source, ngram_source, own_sources
from poetry_model.checkpoint import PRETRAINED, load_bundle
from poetry_model.corpus import read_corpus
from poetry_model.devices import Precision, choose_device
from poetry_model.errors import PoetryError
from poetry_model.mood import CANDIDATES, TEMPERATURE
from poetry_model.poet import NUCLEUS
from poetry_model.prosody import learn_prosody
from poetry_model.strains import read_strains
from poetry_model.vocabulary import Vocabulary

Say = Callable[[str], None]

_POEMS = 500


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.poems is None:
        options.poems = effects.POEMS if options.effects else _POEMS
    if options.poems < FOLDS:
        parser.error(f"--poems must be at least {FOLDS}: the classifier is cross-validated {FOLDS}-fold")
    if not 0 < options.nucleus <= 1:
        parser.error("--nucleus must be above 0 and at most 1")
    if len({baseline.name for baseline in options.baseline}) < len(options.baseline):
        parser.error("--baseline must have a name of its own each time")
    if options.effects and options.baseline:
        parser.error("--effects are those of one model: leave --baseline out")
    begin = time.perf_counter()

    def say(what: str) -> None:
        print(f"{time.perf_counter() - begin:6.0f} s  {what}", file=sys.stderr, flush=True)

    try:
        table = run(options, say)
    except PoetryError as error:
        print(error, file=sys.stderr)
        return 1
    print(table.as_markdown())
    if options.json:
        options.json.write_text(table.as_json(), encoding="utf-8")
    say("done")
    return 0


def run(options: argparse.Namespace, say: Say) -> Table:
    """The table that was asked for; `say` is told of progress."""
    bundle = load_bundle(options.model)
    corpus = read_corpus(options.corpus)
    split = bundle.hold_out.split(corpus.verses)
    say(f"{len(split.training)} poems to learn from, {len(split.held_back)} held back")
    device = choose_device(options.device)
    sampling = Sampling(options.temperature, options.nucleus, options.candidates, device, options.precision)
    # Before the long work: a baseline may have to be refused.
    baselines = [baseline_source(baseline, corpus.verses, split, sampling) for baseline in options.baseline]
    prosody = learn_prosody(split.training, read_strains(options.corpus))
    say("prosody learned")
    vocabulary = Vocabulary.from_texts(verse.text for verse in split.training)
    ngrams = KneserNey([verse.lines for verse in split.training], vocabulary)
    say("n-grams counted")
    judge = Judge(split, prosody, ngrams, options.poems, options.seed)
    settings = {
        "model": bundle.version,
        "corpus": corpus.digest[:12],
        "poems": options.poems,
        "candidates": options.candidates,
        "temperature": options.temperature,
        "nucleus": options.nucleus,
        "precision": options.precision,
        "seed": options.seed,
    }
    if options.effects:
        varied = effects.sources(bundle, sampling)
        return Table(
            settings, {}, _measure(judge, effects.SHAPES, varied, judge.machine_in_short, say), effects.COLUMNS
        )
    sources = [ngram_source(ngrams), *own_sources(bundle, sampling), *baselines]
    shapes = _measure(judge, SHAPES, sources, judge.machine, say)
    say("perplexity of the whole held-back side")
    return Table(settings, {source.name: source.perplexity(split.held_back) for source in sources}, shapes)


def _measure(
    judge: Judge,
    shapes: Sequence[Shape],
    sources: Sequence[Source],
    measure: Callable[[Shape, Source], Figures],
    say: Say,
) -> dict[Shape, dict[str, Figures]]:
    """Shape → source → figures, people's first; without the shapes that too few people wrote in."""
    measured = {}
    for shape in shapes:
        if len(judge.verses(shape)) < FEWEST:
            say(f"{shape}: passed over, fewer than {FEWEST} poems are held back")
            continue
        measured[shape] = {PEOPLE: judge.people(shape)}
        for source in sources:
            say(f"{shape}: {source.name}")
            measured[shape][source.name] = measure(shape, source)
    return measured


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="quality.py", description="Measure the verse against people's.")
    parser.add_argument("--corpus", type=Path, required=True, help="folder in chinese-poetry's layout")
    parser.add_argument("--model", type=Path, default=PRETRAINED, help="bundle (default: the one that ships)")
    parser.add_argument(
        "--baseline",
        type=Baseline.parsed,
        action="append",
        default=[],
        metavar="NAME=BUNDLE",
        help="another model's row; as often as there are models",
    )
    parser.add_argument(
        "--effects", action="store_true", help="tell what candidates and temperature do, instead of the table"
    )
    parser.add_argument(
        "--poems", type=int, help=f"poems a source and shape (default: {_POEMS}; with --effects {effects.POEMS})"
    )
    parser.add_argument("--candidates", type=int, default=CANDIDATES, help="a poem (default: %(default)s)")
    parser.add_argument("--temperature", type=float, default=TEMPERATURE, help="default: %(default)s")
    parser.add_argument("--nucleus", type=float, default=NUCLEUS, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same table (default: %(default)s)")
    parser.add_argument("--device", default="cpu", help="auto, cpu or cuda (default: %(default)s)")
    parser.add_argument(
        "--precision",
        choices=get_args(Precision),
        default="single",
        help="of the poems' network (default: %(default)s)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    return parser


if __name__ == "__main__":
    sys.exit(main())
