"""The service taxonomy and its vocabularies."""

import pytest

from marketplace import taxonomy


def test_thirteen_categories_with_sixty_four_leaves() -> None:
    assert len(taxonomy.parents()) == 13
    assert len(taxonomy.leaves()) == 64
    assert [leaf.code for leaf in taxonomy.leaves("S10")] == ["S1001", "S1002", "S1003", "S1004"]
    assert all(taxonomy.exists(leaf.parent_code) for leaf in taxonomy.leaves())


def test_codes_and_names_are_unique() -> None:
    categories = taxonomy.categories()
    texts = [text for category in categories for text in (category.code, category.name_zh, category.name_en)]
    assert len(texts) == len(set(texts))


@pytest.mark.parametrize("text", ["S0301", "助餐送餐", "Meals", " Meals "])
def test_find_by_code_or_exact_name(text: str) -> None:
    category = taxonomy.find(text)
    assert category is not None
    assert category.code == "S0301"


@pytest.mark.parametrize("text", ["", "助餐", "meals", "S9901"])
def test_find_knows_nothing_else(text: str) -> None:
    assert taxonomy.find(text) is None


def test_unknown_code_is_refused() -> None:
    with pytest.raises(KeyError, match="S9901"):
        taxonomy.get("S9901")


@pytest.mark.parametrize(
    ("listed", "wanted", "served"),
    [
        ("S03", "S0301", True),
        ("S0301", "S0301", True),
        ("S03", "S03", True),
        ("S0301", "S03", False),
        ("S0301", "S0302", False),
        ("S03", "S0401", False),
        ("", "S03", False),
        ("S03", "S9901", False),
    ],
)
def test_a_category_covers_its_leaves_and_never_the_reverse(listed: str, wanted: str, served: bool) -> None:
    assert taxonomy.covers(listed, wanted) is served


def test_names_units_and_groups_in_both_languages() -> None:
    assert taxonomy.name("S0904") == "残疾人辅助性就业"
    assert taxonomy.name("S0904", "en") == "Supported employment"
    assert taxonomy.unit("S0301") == "餐"
    assert taxonomy.unit("S03") == taxonomy.DEFAULT_UNIT
    assert taxonomy.unit_name("餐", "en") == "meal"
    assert taxonomy.group_name("G-ELDALONE", "en") == "Older person living alone"
    assert taxonomy.group_name("T-DIBAO") == "低保对象"
    assert taxonomy.group_name("G-NONLOCAL") == "非宁夏户籍困难群众"
    assert taxonomy.group_name("G-OTHER") == "G-OTHER"
    assert taxonomy.qualification_name("Q-REHAB") == "康复治疗师"


def test_every_word_of_the_taxonomy_has_an_english_name() -> None:
    for category in taxonomy.categories():
        for owner, word in (
            ("service_group", category.group_zh),
            ("unit", category.unit),
            ("frequency", category.frequency),
        ):
            assert not word or taxonomy.term_name(owner, word, "en") != word


def test_every_qualification_text_is_split_into_codes() -> None:
    for category in taxonomy.categories():
        assert bool(category.qualification) == bool(category.qualifications)
    assert taxonomy.get("S07").qualifications == ("Q-SOCWORK", "Q-NOCRIME")
    assert taxonomy.get("S0202").qualifications == ("Q-NURSE", "Q-CARER")
    assert len(taxonomy.qualifications()) == 9


def test_target_groups_of_leaves_are_known_codes() -> None:
    known = {term.code for term in (*taxonomy.assist_tiers(), *taxonomy.target_groups())} | {"RED"}
    for leaf in taxonomy.leaves():
        assert set(leaf.target_groups) <= known


def test_recognition_and_origin_never_exclude() -> None:
    assert {term.code for term in taxonomy.assist_tiers()} < taxonomy.NEVER_EXCLUDE
    assert "G-MIGCHILD" in taxonomy.NEVER_EXCLUDE
    assert not taxonomy.EXCLUDING_GROUPS & (taxonomy.NEVER_EXCLUDE | taxonomy.STATISTIC_ONLY | {taxonomy.ALL})
    assert all(code.startswith("G-") for code in taxonomy.EXCLUDING_GROUPS)
    assert len(taxonomy.EXCLUDING_GROUPS) == 15
