"""How good the verse is: `python benchmarks/quality.py --corpus DIR` prints the table of the README.

Held-back poems of people, a Kneser-Ney 4-gram, the network without controls, and the model as it ships, measured with
the same rules. The prosody and the n-grams are learned from the training side of the corpus, so that no row depends on
another's bundle.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.classifier import FOLDS
from benchmarks.judge import FEWEST, SHAPES, Judge, Source
from benchmarks.kneser_ney import KneserNey
from benchmarks.report import Table
from benchmarks.writers import NetworkWriter, NgramWriter, without_controls
from poetry_model.checkpoint import PRETRAINED, Bundle, load_bundle
from poetry_model.controls import Controls
from poetry_model.corpus import Verse, read_corpus
from poetry_model.devices import choose_device
from poetry_model.errors import PoetryError
from poetry_model.evaluation import perplexity
from poetry_model.poem import CANDIDATES, TEMPERATURE, Style
from poetry_model.poet import NUCLEUS, Poet
from poetry_model.prosody import learn_prosody
from poetry_model.strains import read_strains
from poetry_model.vocabulary import Vocabulary

PEOPLE = "people, held back"
NGRAMS = "Kneser-Ney 4-gram"
UNCONTROLLED = "this model, controls off"
SHIPPED = "this model, regulated"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.poems < FOLDS:
        parser.error(f"--poems must be at least {FOLDS}: the classifier is cross-validated {FOLDS}-fold")
    if not 0 < options.nucleus <= 1:
        parser.error("--nucleus must be above 0 and at most 1")
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


def run(options: argparse.Namespace, say: Callable[[str], None]) -> Table:
    """The table; `say` is told of progress."""
    bundle = load_bundle(options.model)
    corpus = read_corpus(options.corpus)
    split = bundle.hold_out.split(corpus.verses)
    say(f"{len(split.training)} poems to learn from, {len(split.held_back)} held back")
    prosody = learn_prosody(split.training, read_strains(options.corpus))
    say("prosody learned")
    vocabulary = Vocabulary.from_texts(verse.text for verse in split.training)
    ngrams = KneserNey([verse.lines for verse in split.training], vocabulary)
    say("n-grams counted")
    judge = Judge(split, prosody, ngrams, options.poems, options.seed)
    sources = (
        Source(NGRAMS, NgramWriter(ngrams), lambda verses: ngrams.perplexity([verse.lines for verse in verses])),
        _network(UNCONTROLLED, without_controls(bundle), Style.FREE, options),
        _network(SHIPPED, bundle, Style.REGULATED, options),
    )
    shapes = {}
    for shape in SHAPES:
        if len(judge.verses(shape)) < FEWEST:
            say(f"{shape}: passed over, fewer than {FEWEST} poems are held back")
            continue
        shapes[shape] = {PEOPLE: judge.people(shape)}
        for source in sources:
            say(f"{shape}: {source.name}")
            shapes[shape][source.name] = judge.machine(shape, source)
    say("perplexity of the whole held-back side")
    return Table(
        settings={
            "model": bundle.version,
            "corpus": corpus.digest[:12],
            "poems": options.poems,
            "candidates": options.candidates,
            "temperature": options.temperature,
            "nucleus": options.nucleus,
            "seed": options.seed,
        },
        perplexities={source.name: source.perplexity(split.held_back) for source in sources},
        shapes=shapes,
    )


def _network(name: str, bundle: Bundle, style: Style, options: argparse.Namespace) -> Source:
    """The network of `bundle` as a source; it is given the controls it has prosody for."""
    device = choose_device(options.device)
    given = Controls(bundle.prosody).given if bundle.prosody else None
    poet = Poet(bundle, device, options.nucleus)

    def surprise(verses: Sequence[Verse]) -> float:
        return perplexity(bundle.network, bundle.vocabulary, verses, device, given).perplexity

    writer = NetworkWriter(poet, style, options.temperature, options.candidates)
    return Source(name, writer, surprise, regulated=style is Style.REGULATED)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="quality.py", description="Measure the verse against people's.")
    parser.add_argument("--corpus", type=Path, required=True, help="folder in chinese-poetry's layout")
    parser.add_argument("--model", type=Path, default=PRETRAINED, help="bundle (default: the one that ships)")
    parser.add_argument("--poems", type=int, default=500, help="poems a source and shape (default: %(default)s)")
    parser.add_argument("--candidates", type=int, default=CANDIDATES, help="a poem (default: %(default)s)")
    parser.add_argument("--temperature", type=float, default=TEMPERATURE, help="default: %(default)s")
    parser.add_argument("--nucleus", type=float, default=NUCLEUS, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same table (default: %(default)s)")
    parser.add_argument("--device", default="cpu", help="auto, cpu or cuda (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    return parser


if __name__ == "__main__":
    sys.exit(main())
