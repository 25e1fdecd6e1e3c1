"""The command line: `python -m poetry_model poem · train · evaluate · corpus`."""

import argparse
import gc
import os
import sys
from importlib import import_module
from pathlib import Path

from poetry_model.errors import BAD_INPUT, INTERRUPTED, PoetryError
from poetry_model.form import FORMS, MAX_LINES

_WRITING = ("poem", "acrostic", "continue_line")
"""Commands that compose."""

_STANDARD_INPUT = "- reads one a line from standard input"


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 2 for bad usage or input, 130 when interrupted."""
    options = _parser().parse_args(arguments)
    try:
        # torch takes seconds to import; --help and a mistyped option need none of it, a poem nothing of training.
        module = import_module("poetry_model.writing" if options.command in _WRITING else "poetry_model.commands")
        if arguments is None:
            # The process is this command's alone. What is imported stays, and the collector, which would look through
            # it while the bundle is read, takes as long for that as the reading.
            gc.freeze()
        return int(getattr(module, options.command)(options))
    except PoetryError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read has read enough (`| head`); nothing more may be flushed there at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m poetry_model", description="Classical Chinese verse by an LSTM.")
    commands = parser.add_subparsers(required=True, metavar="command")
    _add_poem(commands.add_parser("poem", help="write poems"))
    _add_acrostic(commands.add_parser("acrostic", help="write poems whose lines begin with given characters"))
    _add_continue(commands.add_parser("continue", help="go on from a first line"))
    _add_train(commands.add_parser("train", help="train a model on a folder of verse"))
    _add_evaluate(commands.add_parser("evaluate", help="measure a model on verse"))
    corpus = commands.add_parser("corpus", help="look at a folder of verse").add_subparsers(
        required=True, metavar="command"
    )
    check = corpus.add_parser("check", help="say what would be kept, dropped and held back")
    check.add_argument("folder", type=Path, help="a folder in chinese-poetry's layout")
    check.set_defaults(command="check_corpus")
    _add_download(corpus.add_parser("download", help="bring the public corpus, chinese-poetry"))
    return parser


def _add_poem(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command="poem")
    # Where nobody can be asked, the start is required.
    parser.add_argument(
        "start",
        nargs="?" if sys.stdin and sys.stdin.isatty() else None,
        help=f"the first character or characters; {_STANDARD_INPUT}; without it a terminal is asked",
    )
    _add_form(parser)
    _add_lines(parser)
    parser.add_argument("--rhyme", metavar="CHARACTER", help="a character to rhyme with")
    _add_sampling(parser)


def _add_acrostic(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command="acrostic")
    parser.add_argument("start", metavar="heads", help=f"one character a line; {_STANDARD_INPUT}")
    _add_form(parser)
    _add_sampling(parser)


def _add_continue(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command="continue_line")
    parser.add_argument("start", metavar="line", help=f"the first line, 5 or 7 characters; {_STANDARD_INPUT}")
    _add_lines(parser)
    _add_sampling(parser)


def _add_form(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--form", type=int, default=5, help=f"characters a line: {' or '.join(map(str, FORMS))} (default 5)"
    )


def _add_lines(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lines", type=int, default=4, help=f"lines, 1 to {MAX_LINES} (default 4)")


def _add_sampling(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--style",
        choices=("regulated", "free"),
        default="regulated",
        help="regulated keeps tones and rhyme, free rhyme alone (default regulated)",
    )
    parser.add_argument(
        "--mood", choices=("steady", "lively", "wild"), default="lively", help="how freely it draws (default lively)"
    )
    parser.add_argument("--candidates", type=_positive, help="composed for each poem; the best is kept (default 4)")
    parser.add_argument("--count", type=_positive, default=1, help="poems (default 1)")
    parser.add_argument("--seed", type=int, help="makes a poem repeatable; poem number N has seed + N - 1")
    parser.add_argument("--temperature", type=float, help="below 1 steadier, above 1 wilder (default: the mood's)")
    parser.add_argument(
        "--script", choices=("simplified", "traditional"), default="simplified", help="(default simplified)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    _add_model(parser)


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command="train")
    parser.add_argument("--corpus", type=Path, required=True, help="a folder in chinese-poetry's layout")
    parser.add_argument("--out", type=Path, required=True, help="where the bundle goes")
    parser.add_argument("--from", dest="parent", type=Path, help="fine-tune this bundle instead of starting anew")
    parser.add_argument("--resume", action="store_true", help="go on with the run that was interrupted")
    parser.add_argument("--progress", choices=("bar", "json"), default="bar", help="(default bar)")
    parser.add_argument("--recipe", type=Path, metavar="FILE", help="settings in TOML; options go before them")
    _add_training_settings(parser.add_argument_group("training"))
    _add_network_settings(parser.add_argument_group("network"))
    _add_composing_settings(parser.add_argument_group("composing"))
    parser.add_argument("--favorites", type=Path, metavar="FILE", help="poems to learn too: bot favorites export")
    parser.add_argument("--judge-by", type=Path, metavar="DIR", help="verse whose held-back side judges the run")
    parser.add_argument("--compare-with", type=Path, metavar="DIR", help="a bundle to measure beside the new one")
    parser.add_argument("--examine", type=_natural, default=200, help="poems to write at the end (default 200)")
    parser.add_argument("--stop-on-eof", action="store_true", help="save and stop when standard input ends")
    parser.add_argument("--threads", type=_positive, help="CPU threads (default: torch's choice)")
    _add_device(parser)


def _add_training_settings(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--engine", choices=("torch", "numpy"), help="PyTorch, or the LSTM by hand (default torch)")
    group.add_argument("--epochs", type=int, help="passes over the training side")
    group.add_argument("--batch-characters", type=int, help="characters a batch")
    group.add_argument("--batch-poems", type=int, help="poems a batch instead")
    group.add_argument("--learning-rate", type=float, help="at its peak")
    group.add_argument("--schedule", choices=("cosine", "constant", "halve_on_rise"), help="of the learning rate")
    group.add_argument("--optimizer", choices=("adamw", "adagrad", "sgd"), help="(default adamw)")
    group.add_argument("--patience", type=int, help="epochs without a better held-back perplexity before the end")
    group.add_argument("--song-share", type=float, help="share of Song verse in each pass, 0 to below 1 (default 0)")
    group.add_argument("--favorites-share", type=float, help="share of favorites in each pass (default 0.1)")
    group.add_argument("--minutes", type=float, help="time for training and judging, instead of epochs")
    group.add_argument("--held-back", type=int, help="one poem in so many is never learned (default 20)")
    group.add_argument("--seed", type=int, help="makes a run repeatable")


def _add_network_settings(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--cell", choices=("rnn", "lstm", "gru"), help="(default lstm)")
    group.add_argument("--embedding", type=int, help="width of the embedding")
    group.add_argument("--hidden", type=int, help="width of the recurrent layers")
    group.add_argument("--layers", type=int, help="recurrent layers")
    group.add_argument("--dropout", type=float, help="0 to below 1")
    group.add_argument(
        "--initialisation",
        choices=("default", "uniform", "xavier", "zeros"),
        help="of the weights; uniform: ±1/√hidden",
    )
    either = argparse.BooleanOptionalAction
    group.add_argument("--tied", action=either, help="score characters by their embeddings (default yes)")
    group.add_argument("--output-relu", action=either, help="cut scores off below 0 (default no)")
    group.add_argument("--conditions", action=either, help="tell the network form, place and tones (default yes)")


def _add_composing_settings(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--format", choices=("given", "sampled"), help="of lines: exact, or ended by the network")
    either = argparse.BooleanOptionalAction
    group.add_argument("--greedy", action=either, help="always take the likeliest character (default no)")
    group.add_argument("--repeats", action=either, help="let characters come back (default no)")
    group.add_argument("--initial-state", type=float, help="standard deviation of the first state (default 0)")


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command="evaluate")
    parser.add_argument("--corpus", type=Path, required=True, help="a folder in chinese-poetry's layout")
    parser.add_argument("--split", choices=("held-back", "all"), default="held-back", help="(default held-back)")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    _add_model(parser)


def _add_download(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command="download_corpus")
    parser.description = (
        "Brings the files of chinese-poetry (MIT) as one pinned commit has them, each checked against its SHA-256. "
        "Files that are there already are left alone, files that differ are replaced; the same command goes on with "
        "what was interrupted."
    )
    parser.add_argument("folder", type=Path, help="where the corpus goes")
    parser.add_argument("--song", action="store_true", help="the Song poets as well as the Tang")
    parser.add_argument(
        "--address", metavar="URL", help="where 全唐诗/ and strains/ of that commit are served (default: by GitHub)"
    )


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, metavar="DIR", help="a bundle (default: the one that ships)")
    _add_device(parser)


def _add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="(default auto)")


def _positive(text: str) -> int:
    return _whole(text, 1)


def _natural(text: str) -> int:
    return _whole(text, 0)


def _whole(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
