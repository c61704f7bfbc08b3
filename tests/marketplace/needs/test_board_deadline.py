"""The board filtered by how soon a wish is needed: by its last useful day, never by a household's colour."""

import re

import pytest

from tests.support import world
from tests.support.client import Browser

pytestmark = pytest.mark.both_databases


@pytest.mark.parametrize(
    ("needed", "shown"), [("week", [1]), ("month", [1, 2]), ("", [0, 1, 2, 3]), ("red", [0, 1, 2, 3])]
)
def test_wishes_needed_soon_are_found(client: Browser, needed: str, shown: list[int]) -> None:
    days = (None, world.in_days(6), world.in_days(29), world.in_days(60))
    colours = ("red", "blue", "blue", "red")
    wishes = [world.a_wish(deadline=day, urgency=colour).public_id for day, colour in zip(days, colours, strict=True)]
    page = client.get(f"/wishes?needed={needed}").get_data(as_text=True)
    found = set(re.findall(r'href="/wishes/(\w{32})"', page))
    assert found == {wishes[place] for place in shown}
    assert 'value="red"' not in page
