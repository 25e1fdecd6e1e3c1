import re
from pathlib import Path

from poetry_model.corpus import Dynasty
from poetry_model.upstream import Upstream


def test_the_shipped_list_names_files_of_the_corpus_and_nothing_else() -> None:
    upstream = Upstream.load()
    assert upstream.address == (
        "https://raw.githubusercontent.com/chinese-poetry/chinese-poetry/99ebbef7e1345c0985c44b9fd96a3f9e776f117b"
    )
    assert upstream.licence == "MIT"
    for path, digest in upstream.sha256.items():
        assert re.fullmatch(r"(全唐诗|strains/json)/poet\.(tang|song)\.[0-9]+\.json", path)
        assert re.fullmatch("[0-9a-f]{64}", digest)
    tang = upstream.files()
    assert (len(tang), len(upstream.files(Dynasty))) == (116, len(upstream.sha256))
    names = {folder: {Path(path).name for path in tang if path.startswith(folder)} for folder in ("全唐诗", "strains")}
    assert names["全唐诗"] == names["strains"]
    assert not any("song" in path for path in tang)
