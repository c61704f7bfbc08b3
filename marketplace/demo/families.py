"""Households and persons of the demo world: invented in every field, and visibly so.

Names are 演示 with two characters of the sexagenary cycle and a number, identity numbers fail their check
digit, telephone numbers begin with 100, which no mobile network uses, and streets are called 演示路.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta

from marketplace import regions
from marketplace.demo.draw import Draw

AS_OF = date(2026, 11, 24)
"""The day on which the demo world stands; whoever loads it shifts its dates to today."""

STEMS, BRANCHES = "甲乙丙丁戊己庚辛壬癸", "子丑寅卯辰巳午未申酉戌亥"
NUMERALS = ("", "一", "二", "三", "四", "五", "六", "七", "八", "九", "十")
CHECK_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK_CHARACTERS = "10X98765432"
NEAR_PROVINCES = ("620000", "610000", "150000", "410000", "510000", "340000")
URBAN = frozenset({"640104", "640105", "640106", "640202", "640205", "640302", "640402", "640502"})


@dataclass(frozen=True, slots=True)
class Member:
    """A person of an archetype: relation to the first person, age range, target groups."""

    relation: str
    ages: tuple[int, int]
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Archetype:
    """A kind of household: its first member is the one in need.

    `colours` and `tiers` are weights; `from_elsewhere` is the percentage registered outside Ningxia.
    """

    summaries: tuple[str, ...]
    members: tuple[Member, ...]
    colours: dict[str, int]
    tiers: dict[str, int]
    from_elsewhere: int


POOR = {"T-DIBAO": 5, "T-EDGE": 2, "T-TEKUN": 1, "T-RIGID": 1, "T-OTHER": 1, "T-NONE": 2}
WORKING = {"T-NONE": 5, "T-TEMP": 3, "T-OTHER": 2, "T-EDGE": 1}

ARCHETYPES: dict[str, Archetype] = {
    "elder_disabled": Archetype(
        ("失能老人，照护力量不足", "老人长期卧床，老伴无力照护"),
        (Member("self", (70, 91), ("G-ELDUNABLE",)), Member("spouse", (68, 88), ("G-CARER",))),
        {"RED": 5, "YELLOW": 4, "BLUE": 1},
        POOR,
        22,
    ),
    "elder_disabled_alone": Archetype(
        ("独居失能老人，无固定照护者",),
        (Member("self", (72, 90), ("G-ELDUNABLE", "G-ELDALONE")),),
        {"RED": 9, "YELLOW": 1},
        POOR,
        20,
    ),
    "elder_alone": Archetype(
        ("独居老人，子女不在身边", "空巢老人，出行不便"),
        (Member("self", (66, 88), ("G-ELDALONE",)),),
        {"RED": 1, "YELLOW": 4, "BLUE": 5},
        POOR,
        20,
    ),
    "hard_child": Archetype(
        ("困境儿童，由祖辈照料", "困难家庭学生，学习资源不足"),
        (
            Member("self", (7, 15), ("G-HARDCHILD", "G-STUDENT")),
            Member("grandparent", (58, 74), ("G-CARER",)),
        ),
        {"RED": 2, "YELLOW": 5, "BLUE": 3},
        POOR,
        25,
    ),
    "left_child": Archetype(
        ("父母外出务工，孩子留在本地",),
        (Member("self", (6, 14), ("G-LEFTCHILD", "G-STUDENT")), Member("grandparent", (55, 72))),
        {"YELLOW": 4, "BLUE": 6},
        POOR,
        8,
    ),
    "migrant": Archetype(
        ("外来务工家庭，孩子随迁就学", "刚到本地务工，孩子入学待办"),
        (
            Member("self", (28, 45)),
            Member("spouse", (27, 44)),
            Member("child", (6, 14), ("G-MIGCHILD", "G-STUDENT")),
        ),
        {"YELLOW": 4, "BLUE": 3, "UNRATED": 2},
        WORKING,
        88,
    ),
    "disabled": Archetype(
        ("重度残疾，家人照护", "残疾人有就业意愿"),
        (Member("self", (19, 58), ("G-DISABLED", "G-SEVDIS")), Member("parent", (60, 80), ("G-CARER",))),
        {"RED": 3, "YELLOW": 5, "BLUE": 2},
        POOR,
        25,
    ),
    "disabled_child": Archetype(
        ("孩子需要长期康复训练",),
        (Member("self", (3, 14), ("G-DISCHILD", "G-DISABLED")), Member("parent", (27, 44), ("G-CARER",))),
        {"RED": 3, "YELLOW": 5, "BLUE": 2},
        POOR,
        30,
    ),
    "mental": Archetype(
        ("需要社区康复支持的家庭",),
        (Member("self", (20, 55), ("G-MENTAL", "G-DISABLED")), Member("parent", (50, 78), ("G-CARER",))),
        {"RED": 3, "YELLOW": 5, "BLUE": 2},
        POOR,
        15,
    ),
    "ill": Archetype(
        ("家庭成员重病，医疗支出大",),
        (Member("self", (30, 68), ("G-ILL",)), Member("spouse", (30, 66), ("G-CARER",))),
        {"RED": 5, "YELLOW": 4, "BLUE": 1},
        {"T-RIGID": 4, "T-DIBAO": 2, "T-EDGE": 2, "T-TEMP": 2, "T-NONE": 2},
        35,
    ),
    "unemployed": Archetype(
        ("失业后收入中断", "零工收入不稳定"),
        (Member("self", (24, 55), ("G-UNEMP",)), Member("child", (3, 16), ("G-STUDENT",))),
        {"RED": 1, "YELLOW": 5, "BLUE": 3, "UNRATED": 2},
        WORKING,
        60,
    ),
    "single": Archetype(
        ("单亲家庭，独自抚养孩子",),
        (Member("self", (27, 46), ("G-SINGLE",)), Member("child", (4, 15), ("G-STUDENT",))),
        {"RED": 1, "YELLOW": 5, "BLUE": 4},
        POOR,
        35,
    ),
    "stranded": Archetype(
        ("在本地突遇困难，暂无住处", "务工途中遇到意外，急需帮助"),
        (Member("self", (20, 62)),),
        {"RED": 5, "YELLOW": 2, "UNRATED": 3},
        {"T-TEMP": 8, "T-NONE": 2},
        92,
    ),
}


@dataclass(slots=True)
class Family:
    """A household with the facts that its needs repeat."""

    number: str
    archetype: str
    region: str
    colour: str
    hukou: str
    lat: float
    lon: float
    needs: int = 0
    people: int = 1

    @property
    def groups(self) -> tuple[str, ...]:
        """The target groups of the person in need; of a family that moved, the child's."""
        members = ARCHETYPES[self.archetype].members
        return members[2].groups if self.archetype == "migrant" else members[0].groups


@dataclass(slots=True)
class Families:
    """Makes households as needs ask for them; rows for households.csv and persons.csv."""

    households: list[dict[str, str]] = field(default_factory=list)
    persons: list[dict[str, str]] = field(default_factory=list)
    _known: dict[tuple[str, str, str], list[Family]] = field(default_factory=lambda: defaultdict(list))

    def family(self, region: str, archetype: str, *, most_needs: int = 3, purpose: str = "") -> Family:
        """A household of the kind in the county with fewer than `most_needs` needs so far, made when missing.

        Households made for one purpose are not shared with another, so that its figures stay countable.
        """
        known = self._known[region, archetype, purpose]
        for family in known:
            if family.needs < most_needs:
                family.needs += 1
                return family
        family = self._make(region, archetype)
        family.needs = 1
        known.append(family)
        return family

    def _make(self, region: str, archetype: str) -> Family:
        number = f"H{len(self.households) + 1:04d}"
        draw = Draw("household", number, archetype)
        kind = ARCHETYPES[archetype]
        seat = regions.get(region)
        spread = 5 if region in URBAN else 18
        family = Family(
            number,
            archetype,
            region,
            draw.weighted(kind.colours),
            _hukou(draw, region, kind.from_elsewhere),
            round(seat.lat + draw.integer(-spread, spread) / 100, 2),
            round(seat.lon + draw.integer(-spread, spread) / 100, 2),
            people=len(kind.members),
        )
        self.households.append(
            {"id": number, "region": region, "colour": family.colour, "summary": draw.choice(kind.summaries)}
        )
        away = not family.hukou.startswith("64")
        street = f"{regions.full_name(region)}演示路{draw.integer(1, 300)}号"
        for member in kind.members:
            self._add_person(
                family, member, street, "T-NONE" if away and draw.chance(50) else draw.weighted(kind.tiers)
            )
        return family

    def _add_person(self, family: Family, member: Member, street: str, tier: str) -> None:
        position = len(self.persons)
        number = f"R{position + 1:05d}"
        draw = Draw("person", number)
        sex = draw.choice(("female", "male"))
        birth = AS_OF - timedelta(days=365 * draw.integer(*member.ages) + draw.integer(1, 364))
        permit = family.hukou != family.region and draw.chance(70)
        self.persons.append(
            {
                "id": number,
                "household": family.number,
                "name": _name(position),
                "id_number": failing_id_number(family.hukou, birth, position),
                "phone": f"100{position + 1:08d}",
                "address": street,
                "birth_on": birth.isoformat(),
                "sex": sex,
                "groups": ";".join(member.groups),
                "tier": tier,
                "hukou": family.hukou,
                "residence_permit": str(int(permit)),
                "relation": member.relation,
            }
        )


def _hukou(draw: Draw, region: str, from_elsewhere: int) -> str:
    """Where a household is registered: any province, another county of Ningxia, or where it lives."""
    if draw.chance(from_elsewhere):
        if draw.chance(50):
            return draw.choice(NEAR_PROVINCES)
        return draw.choice([province.code for province in regions.provinces() if province.code != regions.NINGXIA])
    if draw.chance(20):
        return draw.choice([county.code for county in regions.counties() if county.code != region])
    return region


def _name(position: int) -> str:
    cycle, within = divmod(position, 60)
    tens, ones = divmod(cycle + 1, 10)
    numeral = ("" if tens == 0 else NUMERALS[tens].removeprefix("一") + "十") + NUMERALS[ones]
    return f"演示{STEMS[within % 10]}{BRANCHES[within % 12]}{numeral}"


def check_character(body: str) -> str:
    """The check character of GB 11643 for the first seventeen digits of an identity number."""
    total = sum(int(digit) * weight for digit, weight in zip(body, CHECK_WEIGHTS, strict=True))
    return CHECK_CHARACTERS[total % 11]


def failing_id_number(region: str, birth: date, position: int) -> str:
    """Eighteen digits in the shape of an identity number whose last digit is not its check digit."""
    body = f"{region}{birth:%Y%m%d}{position % 1000:03d}"
    right = check_character(body)
    return body + ("5" if right == "X" else str((int(right) + 5) % 10))
