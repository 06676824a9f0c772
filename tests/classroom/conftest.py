"""A register of class sessions in the folder of the test."""

import pytest
from planted import opened


@pytest.fixture
def path(tmp_path):
    return tmp_path / "classroom.sqlite"


@pytest.fixture
def register(path):
    return opened(path)
