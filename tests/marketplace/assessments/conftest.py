"""Tests of impact assessments speak English, the language of the source."""

from collections.abc import Iterator

import pytest
from flask_babel import force_locale


@pytest.fixture
def english(app: object) -> Iterator[None]:
    """Refusals are recognised by their words."""
    with force_locale("en"):
        yield
