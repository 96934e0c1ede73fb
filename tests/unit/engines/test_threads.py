"""An evaluation leaves torch's threads as they were."""

import torch

from xlparity.engines.embedded import EmbeddedEngine
from xlparity.engines.embedded.threads import one_thread
from xlparity.model.book import Book


def test_threads_are_given_back():
    own = torch.get_num_threads()
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == own
    EmbeddedEngine().evaluate(Book(()))
    assert torch.get_num_threads() == own
