"""What the commands of the command line do that train, judge and look at a corpus; `writing` has those that compose."""

import json
import os
import signal
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from threading import Thread
from types import FrameType

import torch

from poetry_model.checkpoint import PRETRAINED, load_bundle
from poetry_model.controls import not_given
from poetry_model.corpus import Dynasty, read_corpus
from poetry_model.devices import choose_device
from poetry_model.distributed import Ranks, joined
from poetry_model.download import download, download_bar
from poetry_model.errors import INTERRUPTED, CorpusError, TrainingError
from poetry_model.evaluation import perplexity
from poetry_model.holdout import HoldOut
from poetry_model.progress import BarReporter, JsonReporter, Reporter, SilentReporter
from poetry_model.recipe import SETTINGS, make_recipe, read_settings
from poetry_model.training import InterruptedRunError
from poetry_model.training_run import TrainingRun
from poetry_model.upstream import Upstream


def train(options: Namespace) -> int:
    """`train`: a bundle from a folder of verse; by several processes where torchrun started them."""
    with joined(options.device) as ranks:
        return _train(options, ranks)


def _train(options: Namespace, ranks: Ranks) -> int:
    settings = read_settings(options.recipe) if options.recipe else {}
    settings |= {name: value for name in SETTINGS if (value := getattr(options, name, None)) is not None}
    if options.parent and (fixed := [name for name in settings if SETTINGS[name] != "training"]):
        raise TrainingError(f"{fixed[0]} cannot be changed with --from; leave it out, or train anew.")
    recipe = make_recipe(settings, fine_tuning=options.parent is not None)
    if options.threads:
        torch.set_num_threads(options.threads)
    run = TrainingRun(
        corpus=options.corpus,
        out=options.out,
        config=recipe.training,
        device=choose_device(options.device),
        parent=options.parent,
        architecture=recipe.network,
        composing=recipe.composing,
        favorites=options.favorites,
        judge=options.judge_by,
        rival=options.compare_with,
        examine=options.examine,
        resume=options.resume,
        ranks=ranks,
    )
    with (
        _reporter(options, ranks) as reporter,
        _stop_signals(stop_on_eof=options.stop_on_eof) as stopped,
    ):
        if run.is_finished():
            reporter.say(f"{run.out} was finished before the processes were started again.")
            return 0
        try:
            version, outcome = run.execute(reporter.progress, lambda: bool(stopped), reporter.say)
        except InterruptedRunError as error:
            reporter.say(f"{error} Go on with the same command and --resume.")
            return INTERRUPTED
        reporter.finish(version, outcome.perplexity)
    return 0


def _reporter(options: Namespace, ranks: Ranks) -> Reporter:
    if not ranks.is_main:
        return SilentReporter()
    return JsonReporter() if options.progress == "json" else BarReporter()


def evaluate(options: Namespace) -> int:
    """`evaluate`: the perplexity of a model."""
    bundle = load_bundle(options.model or PRETRAINED)
    device = choose_device(options.device)
    verses = read_corpus(options.corpus).verses
    if options.split == "held-back":
        verses = bundle.hold_out.split(verses).held_back
    if not verses:
        raise CorpusError(f"No poem of {options.corpus} is held back; use a larger corpus, or --split all.")
    given = not_given if bundle.prosody else None
    result = perplexity(bundle.network.to(device), bundle.vocabulary, verses, device, given)
    if options.json:
        print(json.dumps({"model": bundle.version, "split": options.split, **asdict(result)}))
    else:
        print(
            f"Model {bundle.version} on {result.poems:,} poems ({options.split}): perplexity {result.perplexity:.2f} "
            f"a character over {result.characters:,} characters, {result.unknown_rate:.2%} of them unknown"
        )
    return 0


def check_corpus(options: Namespace) -> int:
    """`corpus check`: what is in a folder of verse."""
    corpus = read_corpus(options.folder)
    split = HoldOut().split(corpus.verses)
    print(corpus.summary())
    print(f"{len(split.training):,} poems to learn, {len(split.held_back):,} held back")
    print(f"digest {corpus.digest}")
    return 0


def download_corpus(options: Namespace) -> int:
    """`corpus download`: the public corpus, checked file by file."""
    upstream = Upstream.load()
    files = upstream.files(Dynasty if options.song else [Dynasty.TANG])
    address = upstream.address if options.address is None else options.address
    try:
        with download_bar() as report:
            outcome = download(files, options.folder, address, report)
    except KeyboardInterrupt:
        print("Interrupted; the same command goes on from where it stopped.", file=sys.stderr)
        return INTERRUPTED
    print(f"{outcome.summary()}; {upstream.repository} ({upstream.licence}) at {upstream.commit[:12]}")
    return 0


@contextmanager
def _stop_signals(*, stop_on_eof: bool) -> Iterator[list[int]]:
    """A list that fills when the process is asked to stop, so that a run can save first; a second Ctrl-C ends it.

    With `stop_on_eof` the end of standard input asks too: a parent that is no more has closed it.
    """
    received: list[int] = []

    def receive(number: int, _: FrameType | None) -> None:
        if received and number == signal.SIGINT:
            raise KeyboardInterrupt
        received.append(number)

    def wait_for_eof() -> None:
        # Not through the buffer: its lock, held at the end, would bring the interpreter down.
        while os.read(sys.stdin.fileno(), 1024):
            pass
        received.append(signal.SIGTERM)

    if stop_on_eof:
        Thread(target=wait_for_eof, name="parent", daemon=True).start()
    previous = {number: signal.signal(number, receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
