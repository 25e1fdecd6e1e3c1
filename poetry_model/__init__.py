"""Classical Chinese verse: a small LSTM that writes it, and everything needed to train and judge one.

>>> from poetry_model.poem import PoemRequest
>>> from poetry_model.poet import Poet
>>> [poem] = Poet.load().compose([PoemRequest.checked("月")])
"""
