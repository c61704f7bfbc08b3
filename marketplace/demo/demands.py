"""The open needs and micro-wishes of the demo world."""

import math
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta

from marketplace import regions, taxonomy
from marketplace.demo.draw import Draw
from marketplace.demo.families import AS_OF, Families, Family
from marketplace.demo.suppliers import DAWUKOU, HUINONG, JINFENG, XINGQING
from marketplace.demo.wording import NEEDS, WISHES, NeedText, WishText

Row = dict[str, str]

OPEN_NEEDS = {DAWUKOU: 30, XINGQING: 26, JINFENG: 22, HUINONG: 16}
OPEN_NEEDS_ELSEWHERE = (12, 16)
OPEN_WISHES = {DAWUKOU: 72, HUINONG: 6, XINGQING: 6, JINFENG: 4, "640221": 4, "640402": 4, "640502": 4}
WISHES_IN_REVIEW, WISHES_IN_DRAFT, NEEDS_IN_DRAFT, NEEDS_WITHOUT_CONSENT = 8, 3, 5, 12
URGENCY_SHARES = (("red", 15), ("yellow", 35), ("blue", 50))

WISH_FAMILIES = {
    "child": ("hard_child", "left_child", "migrant", "disabled_child"),
    "elder": ("elder_alone", "elder_alone", "elder_disabled"),
    "adult": ("disabled", "single"),
}
OF_CHILDREN = frozenset({"hard_child", "left_child", "migrant", "disabled_child"})
COLOUR_WEIGHT = {"RED": 60, "YELLOW": 30, "UNRATED": 25, "BLUE": 10}
PRESSING = frozenset({"S0202", "S0205", "S0204", "S1204", "S1205", "S0402", "S1302", "S0604", "S0301"})
BUNDLES = (("640106", "elder_disabled", "B1"), ("640302", "disabled", "B2"), ("640402", "ill", "B3"))


@dataclass(slots=True)
class Demands:
    """Rows for needs.csv and what is already allocated of them, by need and by capacity."""

    needs: list[Row] = field(default_factory=list)
    allocated: Counter[str] = field(default_factory=Counter)
    used: Counter[str] = field(default_factory=Counter)
    family_of: dict[str, Family] = field(default_factory=dict)

    def add(self, family: Family, kind: str, category: str, title: str, **rest: str) -> Row:
        """A need with the facts of its household; `rest` overrides or completes columns."""
        number = f"N{len(self.needs) + 1:04d}"
        draw = Draw("need", number)
        posted = AS_OF - timedelta(days=draw.integer(1, 50))
        row = {
            "id": number,
            "kind": kind,
            "category": category,
            "region": family.region,
            "lat": f"{family.lat:.2f}",
            "lon": f"{family.lon:.2f}",
            "quantity": "1",
            "urgency": "blue",
            "groups": ";".join(family.groups),
            "requires": "",
            "deadline": "",
            "posted": posted.isoformat(),
            "household": family.number,
            "bundle": "",
            "whole": "",
            "value_yuan": "",
            "title": title,
            "hukou": family.hukou,
            "consent_date": posted.isoformat(),
            "consent_by": "guardian" if family.archetype in OF_CHILDREN else "self",
            "state": "open",
        } | rest
        self.needs.append(row)
        self.family_of[number] = family
        return row

    def allocate(self, need: Row, capacity: Row | None, quantity: int) -> None:
        """Count units of a need as given, and as used of a capacity when one gives them."""
        self.allocated[need["id"]] += quantity
        if capacity is not None:
            self.used[capacity["id"]] += quantity


def great_circle_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Distance of two points given in degrees, on a sphere of radius 6371.0088 km (haversine)."""
    (lat_1, lon_1), (lat_2, lon_2) = ([math.radians(angle) for angle in point] for point in (one, other))
    chord = math.sin((lat_2 - lat_1) / 2) ** 2
    chord += math.cos(lat_1) * math.cos(lat_2) * math.sin((lon_2 - lon_1) / 2) ** 2
    return 2 * 6371.0088 * math.asin(math.sqrt(chord))


def may_serve(capacity: Row, need: Row) -> bool:
    """Whether a capacity row may serve a need row by every hard rule but quantity, as of the demo's day."""
    asked, offered = (
        set(filter(None, need["groups"].split(";"))),
        set(filter(None, capacity["groups"].split(";"))),
    )
    point = (float(need["lat"]), float(need["lon"]))
    return (
        any(taxonomy.covers(listed, need["category"]) for listed in capacity["categories"].split(";"))
        and any(regions.contains(listed, need["region"]) for listed in capacity["regions"].split(";"))
        and (not offered or bool(asked & offered))
        and set(filter(None, need["requires"].split(";"))) <= set(capacity["qualifications"].split(";"))
        and capacity["valid_from"] <= AS_OF.isoformat() <= capacity["valid_until"]
        and (
            not capacity["radius_km"]
            or great_circle_km(point, (float(capacity["lat"]), float(capacity["lon"]))) <= float(capacity["radius_km"])
        )
    )


def wish_texts(*key: object) -> list[tuple[WishText, str]]:
    """All wishes with their variants in a drawn order; two of three are children's."""
    everything = [(wish, wish.text.format(variant)) for wish in WISHES for variant in wish.variants]
    return Draw("wishes", *key).shuffled(everything)


def add_wish(demands: Demands, families: Families, region: str, text: tuple[WishText, str], **rest: str) -> Row:
    """A micro-wish of a household in the county that such a wish fits."""
    wish, title = text
    archetype = Draw("wish family", region, title, len(demands.needs)).choice(WISH_FAMILIES[wish.who])
    family = families.family(region, archetype, purpose="wish")
    value = str(wish.value) if wish.value else ""
    return demands.add(family, "micro_wish", wish.category, title, value_yuan=value, **rest)


def family_for(demands: Demands, families: Families, region: str, text: NeedText, *, purpose: str = "") -> Family:
    """A household of the right archetype for a need; four of ten disabled older persons live alone."""
    draw = Draw("need family", region, len(demands.needs), text.category)
    archetype = text.family
    if archetype == "elder_disabled" and draw.chance(40):
        archetype = "elder_disabled_alone"
    return families.family(region, archetype, most_needs=draw.integer(1, 3), purpose=purpose)


def add_need(demands: Demands, family: Family, text: NeedText, **rest: str) -> Row:
    """A need of another kind than a wish, with drawn quantity and value."""
    draw = Draw("need text", family.number, len(demands.needs), text.category)
    quantity = draw.integer(*text.quantity)
    value = 10 * draw.integer(*text.unit_value) * quantity
    columns = {
        "quantity": str(quantity),
        "requires": ";".join(text.requires),
        "value_yuan": str(value) if value else "",
    }
    return demands.add(family, text.kind, text.category, draw.choice(text.titles), **(columns | rest))


def make_open_wishes(demands: Demands, families: Families) -> None:
    """Wishes that may be claimed, some under review or in draft."""
    for region, count in OPEN_WISHES.items():
        texts = wish_texts("open", region)
        for text in texts[:count]:
            add_wish(demands, families, region, text)
    for position, text in enumerate(wish_texts("hidden")[: WISHES_IN_REVIEW + WISHES_IN_DRAFT]):
        row = add_wish(demands, families, DAWUKOU, text)
        if position < WISHES_IN_REVIEW:
            row["state"] = "review"
        else:
            row |= {"state": "draft", "consent_date": "", "consent_by": ""}


def make_open_needs(demands: Demands, families: Families) -> None:
    """Needs of all other kinds in all counties, with a few in draft and a few without consent."""
    weights = {position: text.weight for position, text in enumerate(NEEDS)}
    made: list[Row] = []
    for county in regions.counties():
        draw = Draw("open needs", county.code)
        count = OPEN_NEEDS.get(county.code) or draw.integer(*OPEN_NEEDS_ELSEWHERE)
        for text in [NEEDS[draw.weighted(weights)] for _ in range(count)]:
            family = family_for(demands, families, county.code, text)
            made.append(add_need(demands, family, text))
    chosen = Draw("states").shuffled(made)
    for row in chosen[:NEEDS_IN_DRAFT]:
        row |= {"state": "draft", "consent_date": "", "consent_by": ""}
    for row in chosen[NEEDS_IN_DRAFT : NEEDS_IN_DRAFT + NEEDS_WITHOUT_CONSENT]:
        row |= {"consent_date": "", "consent_by": ""}
    make_coupled_needs(demands, families)


def make_coupled_needs(demands: Demands, families: Families) -> None:
    """A handful of needs that belong together or must come from one hand."""
    for region, archetype, bundle in BUNDLES:
        texts = [text for text in NEEDS if text.family == archetype and text.kind == "service"][:2]
        family = families.family(region, archetype, purpose=bundle)
        for text in texts:
            add_need(demands, family, text, quantity="2", bundle=bundle)
    for row in [row for row in demands.needs if row["category"] == "S0801" and row["state"] == "open"][:4]:
        row["whole"] = "1"


def set_urgency(demands: Demands) -> None:
    """Order open needs by how pressing they look and give 15, 35 and 50 percent red, yellow and blue."""

    def pressing(row: Row) -> tuple[int, str]:
        family = demands.family_of[row["id"]]
        score = COLOUR_WEIGHT[family.colour] + 25 * (row["category"] in PRESSING)
        score -= 35 * (row["kind"] == "micro_wish")
        return (-score - Draw("urgency", row["id"]).integer(0, 45), row["id"])

    rows = sorted((row for row in demands.needs if row["state"] != "closed"), key=pressing)
    start = 0
    reached = 0
    for urgency, share in URGENCY_SHARES:
        reached += share
        end = round(len(rows) * reached / 100)
        for row in rows[start:end]:
            row["urgency"] = urgency
        start = end


def set_deadlines(demands: Demands) -> None:
    """Deadlines of open needs: days for red, weeks for the others; a fifth has none."""
    longest = {"red": 14, "yellow": 35, "blue": 60}
    for row in demands.needs:
        draw = Draw("deadline", row["id"])
        if row["state"] != "closed" and draw.chance(80):
            row["deadline"] = (AS_OF + timedelta(days=draw.integer(5, longest[row["urgency"]]))).isoformat()


def on(days_before: int) -> date:
    """The day that lies so many days before the demo's."""
    return AS_OF - timedelta(days=days_before)
