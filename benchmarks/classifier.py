"""How well a bag of characters tells two sets of poems apart."""

from collections.abc import Sequence

from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline

from poetry_model.figures import Lines

FOLDS = 5

_FEATURES = 2**18
"""A thousand poems of eight lines hold some sixty thousand different n-grams: few share a place."""


def separability(first: Sequence[Lines], second: Sequence[Lines], seed: int) -> float:
    """Area under the ROC curve of a classifier told to tell `first` from `second`, of equal numbers.

    Character 1- to 3-grams hashed and L2-normalised, logistic regression, mean over five folds that `seed` shuffles.
    0.5: they cannot be told apart; 1: always.
    """
    if len(first) != len(second):
        raise ValueError("The two sets must be of one size: the classifier would lean to the larger.")
    # Broken into lines, so that what begins and ends them counts as well.
    texts = ["\n".join(poem) for poem in (*first, *second)]
    labels = [1] * len(first) + [0] * len(second)
    classifier = make_pipeline(
        HashingVectorizer(analyzer="char", ngram_range=(1, 3), norm="l2", n_features=_FEATURES),
        # A sparse solver: the default takes five times as long over hashed features, for the same area.
        LogisticRegression(solver="liblinear"),
    )
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    return float(cross_val_score(classifier, texts, labels, cv=folds, scoring="roc_auc").mean())
