"""The region tree and the provinces."""

import pytest

from marketplace import regions


def test_tree_holds_one_region_five_prefectures_and_twenty_two_counties() -> None:
    levels = [region.level for region in regions.all_regions()]
    assert (levels.count("province"), levels.count("prefecture"), levels.count("county")) == (1, 5, 22)
    assert len(regions.counties()) == 22
    root = regions.tree()
    assert root.region.code == regions.NINGXIA
    assert [node.region.name_zh for node in root.children] == ["银川市", "石嘴山市", "吴忠市", "固原市", "中卫市"]
    assert sum(len(node.children) for node in root.children) == 22


def test_every_parent_exists_and_contains_its_children() -> None:
    for region in regions.all_regions():
        assert regions.exists(region.code)
        assert regions.contains(regions.NINGXIA, region.code)
        if region.parent_code:
            assert region in regions.children(region.parent_code)
            assert regions.contains(region.parent_code, region.code)
            assert not regions.contains(region.code, region.parent_code)


@pytest.mark.parametrize(
    ("code", "prefix"), [("640000", "64"), ("640200", "6402"), ("640202", "640202"), ("620000", "62")]
)
def test_prefix_is_what_a_code_shares_with_all_below_it(code: str, prefix: str) -> None:
    assert regions.prefix(code) == prefix


def test_subtree_and_ancestors() -> None:
    assert [region.name_en for region in regions.subtree("640200")] == ["Shizuishan", "Dawukou", "Huinong", "Pingluo"]
    assert [region.code for region in regions.subtree("640202")] == ["640202"]
    assert [region.code for region in regions.ancestors("640202")] == ["640000", "640200"]
    assert regions.ancestors(regions.NINGXIA) == ()
    assert len(regions.subtree(regions.NINGXIA)) == 28


def test_names_in_both_languages() -> None:
    assert regions.name("640202") == "大武口区"
    assert regions.name("640202", "en") == "Dawukou"
    assert regions.full_name("640202") == "石嘴山市大武口区"
    assert regions.full_name("640202", "en") == "Dawukou, Shizuishan"
    assert regions.full_name("640200") == "石嘴山市"
    assert regions.full_name("640000") == "宁夏回族自治区"


@pytest.mark.parametrize("text", ["640205", "惠农区", "Huinong", " 惠农区 "])
def test_find_by_code_or_exact_name(text: str) -> None:
    region = regions.find(text)
    assert region is not None
    assert region.code == "640205"


@pytest.mark.parametrize("text", ["", "惠农", "huinong", "640299", "甘肃省"])
def test_find_knows_nothing_else(text: str) -> None:
    assert regions.find(text) is None


def test_unknown_code_is_refused() -> None:
    with pytest.raises(KeyError, match="640299"):
        regions.get("640299")
    assert not regions.exists("620000")


def test_seats_lie_in_ningxia() -> None:
    for region in regions.all_regions():
        assert 35.2 < region.lat < 39.4
        assert 104.2 < region.lon < 107.7


def test_all_province_level_divisions_have_names() -> None:
    assert len(regions.provinces()) == 34
    assert len({province.name_zh for province in regions.provinces()}) == 34
    assert len({province.name_en for province in regions.provinces()}) == 34
    assert all(province.code.endswith("0000") for province in regions.provinces())


def test_any_code_tells_its_province() -> None:
    assert regions.province_name("620000") == "甘肃省"
    assert regions.province_name("622921", "en") == "Gansu"
    assert regions.province_name("640202") == "宁夏回族自治区"
    assert regions.province("990000") is None
    assert regions.province_name("990000") == "990000"
