"""What the demo world has already done: claims, placements and deliveries with their known figures."""

from dataclasses import dataclass, field
from datetime import date, timedelta

from marketplace import taxonomy
from marketplace.demo.demands import (
    Demands,
    Row,
    add_need,
    add_wish,
    may_serve,
    on,
    wish_texts,
)
from marketplace.demo.draw import Draw
from marketplace.demo.families import AS_OF, Families
from marketplace.demo.suppliers import (
    CARES_FOR_YOU,
    DAWUKOU,
    HAPPY_HOME,
    HUINONG,
    SCHOOL_AID,
    SUPPORTED_JOBS,
    XINGQING,
    Suppliers,
)
from marketplace.demo.wording import NEEDS

CLAIMED_WISHES, REALISED_WISHES = 137, 118
PLACEMENTS = 10
HELPED_HOUSEHOLDS = 15
GOODS_YUAN, INVESTED_YUAN, PERSON_TIMES = 565_000, 65_000, 750
GRANTS = (1500,) * 26 + (2000,) * 13
SIGN_IN_VOLUNTEERS, VOLUNTEERS = 40, 70

HAPPY_HOME_GOODS = (
    ("S1101", "幸福家园四季米面油", 330),
    ("S1102", "幸福家园棉被棉衣", 860),
    ("S1102", "幸福家园羽绒服与冬靴", 780),
    ("S1104", "幸福家园节能取暖器", 1180),
    ("S1104", "幸福家园床品与小家电", 1060),
    ("S1103", "幸福家园助行与护理用品", 940),
)
SCHOOL_GOODS = (("S0803", "同心圆梦学习用品礼包", 520), ("S1105", "同心圆梦图书与护眼灯", 460))
HAPPY_HOME_FAMILIES = ("elder_alone", "elder_disabled", "disabled", "single", "migrant", "ill")
HAPPY_HOME_DELIVERIES, SCHOOL_DELIVERIES = 80, 30


@dataclass(slots=True)
class History:
    """Rows for allocations.csv."""

    demands: Demands
    suppliers: Suppliers
    allocations: list[Row] = field(default_factory=list)

    def record(
        self,
        need: Row,
        capacity: Row | None,
        state: str,
        accepted: date,
        *,
        volunteer: str = "",
        source: str = "run",
        quantity: int = 0,
        people: int = 1,
        value_kind: str = "",
        value: str = "",
    ) -> Row:
        """One allocation, all units of the need unless `quantity` says less, with the dates of its state."""
        number = f"L{len(self.allocations) + 1:04d}"
        draw = Draw("allocation", number)
        units = quantity or int(need["quantity"])
        due = accepted + timedelta(days=7 if state == "accepted" else 15)
        delivered = min(accepted + timedelta(days=draw.integer(2, 12)), on(1))
        done = state in ("delivered", "confirmed")
        confirmed = min(delivered + timedelta(days=draw.integer(1, 5)), AS_OF)
        self.allocations.append(
            row := {
                "id": number,
                "need": need["id"],
                "capacity": capacity["id"] if capacity else "",
                "volunteer": volunteer,
                "quantity": str(units),
                "source": source,
                "state": state,
                "accepted_on": accepted.isoformat(),
                "due_on": due.isoformat(),
                "delivered_on": delivered.isoformat() if done else "",
                "confirmed_on": confirmed.isoformat() if state == "confirmed" else "",
                "people_served": str(people) if done else "",
                "value_kind": value_kind if done else "",
                "value_yuan": value if done else "",
                "satisfaction": draw.choice("45545355") if state == "confirmed" else "",
            }
        )
        self.demands.allocate(need, capacity, units)
        posted = (accepted - timedelta(days=draw.integer(2, 12))).isoformat()
        need |= {"posted": posted, "consent_date": posted}
        if state == "confirmed":
            need |= {"state": "closed", "deadline": due.isoformat()}
        return row

    def suppliers_of(self, need: Row, project_title: str = "", *, alliance: bool = False) -> list[Row]:
        """Capacity that may serve the need and whose past use needs no pool or budget to be looked at."""
        members = {row["organization"] for row in self.suppliers.alliance_members}
        names = {row["name"] for row in self.suppliers.organizations if row["id"] in members}
        titles = {row["id"]: row["title"] for row in self.suppliers.projects}
        return [
            row
            for row in self.suppliers.capacity
            if may_serve(row, need)
            and not (row["pool"] or row["budget_yuan"] or row["minimum_batch"])
            and (not alliance or row["organization"] in names)
            and project_title in titles[row["project"]]
        ]


def make_claims(history: History, families: Families) -> None:
    """137 wishes of Dawukou with a valid claim: 118 confirmed, 19 on their way.

    The demo's sign-in volunteers hold none of the 19, so that a visitor's own claims start from nothing.
    """
    texts = wish_texts("claimed")
    on_their_way = ("accepted", "delivering", "delivered")
    for position in range(CLAIMED_WISHES):
        need = add_wish(history.demands, families, DAWUKOU, texts[position])
        of_goods = taxonomy.get(need["category"]).kind == "goods"
        draw = Draw("claim", position)
        live = position >= REALISED_WISHES
        state = on_their_way[position % 3] if live else "confirmed"
        accepted = on(draw.integer(1, 5) if live else draw.integer(8, 50))
        options = history.suppliers_of(need, alliance=True) if draw.chance(45) else []
        capacity = draw.choice(options) if options else None
        number = SIGN_IN_VOLUNTEERS + 1 + position - REALISED_WISHES if live else 1 + position * 7 % VOLUNTEERS
        history.record(
            need,
            capacity,
            state,
            accepted,
            source="claim",
            volunteer="" if capacity else f"volunteer-{number:02d}",
            value_kind="goods" if of_goods else "",
            value=need["value_yuan"] if of_goods else "",
        )


def make_placements(history: History, families: Families) -> None:
    """Ten persons in supported employment in Dawukou, each of a household of its own."""
    texts = [text for text in NEEDS if text.category == "S0904"]
    for position in range(PLACEMENTS):
        text = texts[position % 4 == 3]
        family = families.family(DAWUKOU, text.family, most_needs=1, purpose="placement")
        need = add_need(history.demands, family, text, urgency="yellow")
        (capacity, *_) = history.suppliers_of(need, SUPPORTED_JOBS)
        source = "manual" if position % 4 == 1 else "run"
        history.record(need, capacity, "confirmed", on(15 + 3 * position), source=source)


def make_personal_help(history: History, families: Families) -> None:
    """Fifteen households of Xingqing with at least one need met under 兴系你, every fifth with two."""
    titles = {row["id"]: row["title"] for row in history.suppliers.projects}
    offers = [row for row in history.suppliers.capacity if titles[row["project"]] == CARES_FOR_YOU]
    texts = [
        text
        for text in NEEDS
        if text.kind == "service"
        and any(
            any(taxonomy.covers(listed, text.category) for listed in row["categories"].split(";"))
            and set(text.requires) <= set(row["qualifications"].split(";"))
            and not row["groups"]
            for row in offers
        )
    ]
    for household in range(HELPED_HOUSEHOLDS):
        text = texts[household * 7 % len(texts)]
        family = families.family(XINGQING, text.family, purpose=f"cares for you {household}")
        for again in range(1 + (household % 5 == 4)):
            need = add_need(history.demands, family, text, urgency="yellow")
            (capacity, *_) = history.suppliers_of(need, CARES_FOR_YOU)
            history.record(need, capacity, "confirmed", on(12 + 2 * household - again))


def make_programmes(history: History, families: Families) -> None:
    """The two programmes of Huinong: grants of 65,000 yuan, goods of 565,000 yuan, 750 person-times."""
    goods = [HAPPY_HOME_GOODS[position % len(HAPPY_HOME_GOODS)] for position in range(HAPPY_HOME_DELIVERIES)]
    goods += [SCHOOL_GOODS[position % len(SCHOOL_GOODS)] for position in range(SCHOOL_DELIVERIES)]
    sets = [Draw("sets", position).integer(6, 9) for position in range(HAPPY_HOME_DELIVERIES)]
    sets += [Draw("sets", position).integer(2, 4) for position in range(HAPPY_HOME_DELIVERIES, len(goods))]
    spread(sets, PERSON_TIMES - len(GRANTS) - sum(sets))
    worth = [number * price for number, (_, _, price) in zip(sets, goods, strict=True)]
    tens = [GOODS_YUAN * value // sum(worth) // 10 for value in worth]
    spread(tens, GOODS_YUAN // 10 - sum(tens))
    for position, (number, ten, (category, title, _)) in enumerate(zip(sets, tens, goods, strict=True)):
        of_school = position >= HAPPY_HOME_DELIVERIES
        archetype = "hard_child" if of_school else HAPPY_HOME_FAMILIES[position % len(HAPPY_HOME_FAMILIES)]
        family = families.family(HUINONG, archetype, purpose="school aid" if of_school else "happy home")
        columns = {"quantity": str(number), "value_yuan": str(10 * ten), "urgency": "yellow"}
        need = history.demands.add(family, "goods", category, title, **columns)
        (capacity, *_) = history.suppliers_of(need, SCHOOL_AID if of_school else HAPPY_HOME)
        history.record(
            need,
            capacity,
            "confirmed",
            on(10 + position % 40),
            source="manual",
            people=number,
            value_kind="goods",
            value=str(10 * ten),
        )
    for position, amount in enumerate(GRANTS):
        family = families.family(HUINONG, "hard_child", most_needs=1, purpose="grant")
        columns = {"value_yuan": str(amount), "urgency": "yellow"}
        need = history.demands.add(family, "grant", "S0802", "同心圆梦助学金", **columns)
        (capacity, *_) = history.suppliers_of(need, SCHOOL_AID)
        history.record(
            need,
            capacity,
            "confirmed",
            on(12 + position),
            source="manual",
            value_kind="money",
            value=str(amount),
        )


def spread(numbers: list[int], difference: int) -> None:
    """Change the numbers by one each, in turn, until their sum has changed by the difference."""
    step = 1 if difference > 0 else -1
    for position in range(abs(difference)):
        numbers[position % len(numbers)] += step


def make_ongoing(history: History) -> None:
    """Help under way in other counties: parts of open needs that providers have taken on."""
    quiet = {DAWUKOU, HUINONG, XINGQING}
    states = ("accepted", "delivering", "delivered")
    begun = 0
    for need in Draw("ongoing").shuffled(history.demands.needs):
        if need["region"] in quiet or need["state"] != "open" or need["bundle"] or need["whole"]:
            continue
        if int(need["quantity"]) < 3 or not need["consent_date"]:
            continue
        options = history.suppliers_of(need)
        if options:
            part = int(need["quantity"]) // 2
            history.record(need, options[0], states[begun % 3], on(3 + begun % 4), quantity=part)
            begun += 1
        if begun == 12:
            return
