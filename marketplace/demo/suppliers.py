"""Organizations, the alliance, projects and capacity of the demo world. All are invented and say so."""

from dataclasses import dataclass, field

from marketplace import credit_code, regions
from marketplace.demo.draw import Draw

MARK_ZH, MARK_EN = "（演示）", " (demo)"
ALLIANCE = "wu-bang-nin"
DAWUKOU, HUINONG, XINGQING, JINFENG = "640202", "640205", "640104", "640106"

HAPPY_HOME, SCHOOL_AID, CARES_FOR_YOU = "慈善幸福家园", "同心圆梦·慈善助学", "兴系你"
SUPPORTED_JOBS = "残疾人辅助性就业工坊"

REGISTRATION = {  # registering authority and kind of body, the first two characters of GB 32100
    "charity": "51",
    "foundation": "53",
    "social_work": "52",
    "law_firm": "31",
    "hospital": "12",
    "merchant": "92",
    "enterprise": "91",
    "volunteer_team": "51",
    "government": "11",
}

MEMBERS = (
    ("law_firm", "贺兰山正平律师事务所", "Helan Zhengping Law Firm"),
    ("law_firm", "石城明理律师事务所", "Shicheng Mingli Law Firm"),
    ("law_firm", "塞上同道律师事务所", "Saishang Tongdao Law Firm"),
    ("hospital", "星海康复医院", "Xinghai Rehabilitation Hospital"),
    ("hospital", "北麓社区医院", "North Foothill Community Hospital"),
    ("hospital", "安心护理院", "Anxin Nursing Home"),
    ("hospital", "晴川心理门诊", "Qingchuan Counselling Clinic"),
    ("merchant", "暖鞋坊", "Warm Shoe Shop"),
    ("merchant", "家常便当", "Home-style Meals"),
    ("merchant", "惠邻粮油店", "Huilin Grocery"),
    ("merchant", "书香文具店", "Shuxiang Stationery"),
    ("merchant", "晨光理发店", "Morning Light Barber"),
    ("merchant", "巧手家电维修", "Skilled Hands Repairs"),
    ("merchant", "童乐玩具店", "Tongle Toys"),
    ("merchant", "净居保洁", "Clean Home Cleaning"),
    ("merchant", "甜心烘焙", "Sweetheart Bakery"),
    ("enterprise", "石嘴山北方铸造厂", "Shizuishan Northern Foundry"),
    ("enterprise", "星湖食品公司", "Xinghu Foods"),
    ("enterprise", "同路出行公司", "Tonglu Transport"),
    ("enterprise", "安居适老改造公司", "Anju Home Adaptation"),
    ("enterprise", "彩虹手工工坊", "Rainbow Handicraft Workshop"),
    ("enterprise", "银星辅具公司", "Silver Star Assistive Devices"),
    ("enterprise", "暖域供热公司", "Nuanyu Heating"),
    ("charity", "大武口爱心互助会", "Dawukou Mutual Help Association"),
    ("charity", "山水公益服务中心", "Shanshui Public Benefit Centre"),
    ("charity", "小荷助学会", "Little Lotus School Aid"),
    ("charity", "夕阳红助老会", "Sunset Glow Elder Aid"),
    ("volunteer_team", "朝阳志愿服务队", "Chaoyang Volunteers"),
    ("volunteer_team", "星火志愿服务队", "Spark Volunteers"),
    ("volunteer_team", "邻里守望志愿服务队", "Neighbourhood Watch Volunteers"),
)

COUNTY_CENTRES = {  # the second word of each county's social work centre
    "640104": ("心桥", "Heart Bridge"),
    "640105": ("同行", "Walk Together"),
    "640106": ("三色堇", "Pansy"),
    "640121": ("禾苗", "Seedling"),
    "640122": ("晨曦", "Dawn"),
    "640181": ("灵泉", "Clear Spring"),
    "640202": ("石榴籽", "Pomegranate"),
    "640205": ("家和", "Harmony"),
    "640221": ("平安里", "Peaceful Lane"),
    "640302": ("利民", "Limin"),
    "640303": ("红柳", "Tamarisk"),
    "640323": ("甘草", "Liquorice"),
    "640324": ("清水河", "Clear River"),
    "640381": ("青禾", "Green Grain"),
    "640402": ("萧关", "Xiaoguan"),
    "640422": ("月亮山", "Moon Mountain"),
    "640423": ("六盘", "Liupan"),
    "640424": ("泾水", "Jing River"),
    "640425": ("山桃", "Mountain Peach"),
    "640502": ("沙枣", "Oleaster"),
    "640521": ("枸杞红", "Goji Red"),
    "640522": ("海棠", "Begonia"),
}

REGIONAL = (
    ("foundation", "塞上暖阳慈善基金会", "Saishang Warm Sun Foundation", XINGQING),
    ("foundation", "六盘春风助学基金会", "Liupan Spring Breeze School Aid Foundation", "640402"),
    ("charity", "黄河岸慈善会", "Yellow River Bank Charity", JINFENG),
    ("hospital", "凤城康复医院", "Fengcheng Rehabilitation Hospital", JINFENG),
    ("hospital", "固原南山医院", "Guyuan Nanshan Hospital", "640402"),
    ("law_firm", "银川平正律师事务所", "Yinchuan Pingzheng Law Firm", XINGQING),
    ("enterprise", "塞上养老服务公司", "Saishang Elder Care", "640105"),
    ("charity", "惠农慈善幸福会", "Huinong Charity Happiness Association", HUINONG),
    ("foundation", "惠农同心助学基金会", "Huinong One-Heart School Aid Foundation", HUINONG),
    ("volunteer_team", "沙坡头绿洲志愿服务队", "Shapotou Oasis Volunteers", "640502"),
    ("government", "大武口民政服务站", "Dawukou Civil-Affairs Service Station", DAWUKOU),
    ("government", "兴庆民政服务站", "Xingqing Civil-Affairs Service Station", XINGQING),
    ("government", "金凤民政服务站", "Jinfeng Civil-Affairs Service Station", JINFENG),
)
AWAITING = (
    ("charity", "宁东晨露公益服务中心", "Ningdong Morning Dew Centre", "640181"),
    ("enterprise", "中卫丰收食品公司", "Zhongwei Harvest Foods", "640502"),
)


@dataclass(slots=True)
class Suppliers:
    """Rows for organizations.csv, alliances.csv, alliance_members.csv, projects.csv and capacity.csv."""

    organizations: list[dict[str, str]] = field(default_factory=list)
    alliances: list[dict[str, str]] = field(default_factory=list)
    alliance_members: list[dict[str, str]] = field(default_factory=list)
    projects: list[dict[str, str]] = field(default_factory=list)
    capacity: list[dict[str, str]] = field(default_factory=list)

    def organization_named(self, name: str) -> dict[str, str]:
        return next(row for row in self.organizations if row["name"] == name + MARK_ZH)

    def project_of(self, organization: str, title: str = "") -> dict[str, str]:
        """The first open project of an organization, or the one of this title."""
        number = self.organization_named(organization)["id"]
        return next(
            row
            for row in self.projects
            if row["organization"] == number and row["state"] == "open" and title in row["title"]
        )

    def add_organization(self, kind: str, name: str, name_en: str, region: str, state: str = "verified") -> None:
        position = len(self.organizations) + 1
        body = f"{REGISTRATION[kind]}{region}DEM{position:06d}"
        area_code = {"6401": "0951", "6402": "0952", "6403": "0953", "6404": "0954", "6405": "0955"}[region[:4]]
        self.organizations.append(
            {
                "id": f"O{position:03d}",
                "name": name + MARK_ZH,
                "name_en": name_en + MARK_EN,
                "kind": kind,
                "credit_code": body + credit_code.check_character(body),
                "region": region,
                "summary": f"{regions.full_name(region)}{KIND_SUMMARIES[kind]}。演示机构，纯属虚构。",
                "contact_name": f"演示联系人{position:02d}",
                "contact_phone": f"{area_code}-555-01{position:02d}",
                "state": state,
            }
        )

    def add_project(
        self,
        organization: str,
        title: str,
        summary: str,
        funding: str = "charity",
        period: tuple[str, str] = ("2026-01-01", "2027-12-31"),
        state: str = "open",
    ) -> None:
        self.projects.append(
            {
                "id": f"P{len(self.projects) + 1:03d}",
                "organization": self.organization_named(organization)["id"],
                "title": title,
                "summary": f"{summary}（演示项目）",
                "funding": funding,
                "starts_on": period[0],
                "ends_on": period[1],
                "state": state,
            }
        )

    def add_capacity(self, organization: str, categories: str, quantity: int, title: str, **rest: str) -> None:
        """One row of capacity; `rest` gives further columns, and `project_title` if not the first project."""
        owner = self.organization_named(organization)
        base = regions.get(owner["region"])
        draw = Draw("capacity", organization, title)
        project = self.project_of(organization, rest.pop("project_title", ""))
        row = {
            "id": f"C{len(self.capacity) + 1:03d}",
            "organization": owner["name"],
            "pool": "",
            "pool_quantity": "",
            "categories": categories,
            "regions": owner["region"],
            "lat": f"{base.lat + draw.integer(-3, 3) / 100:.2f}",
            "lon": f"{base.lon + draw.integer(-3, 3) / 100:.2f}",
            "radius_km": "",
            "quantity": str(quantity),
            "budget_yuan": "",
            "unit_cost_yuan": "",
            "groups": "",
            "qualifications": "",
            "minimum_batch": "",
            "valid_from": "2026-09-01",
            "valid_until": "2027-06-30",
            "title": title,
            "project": project["id"],
        }
        unknown = rest.keys() - row.keys()
        if unknown:
            raise ValueError(f"capacity has no column {sorted(unknown)}")
        self.capacity.append(row | rest)


KIND_SUMMARIES = {
    "charity": "慈善组织，募集物资并入户帮扶",
    "foundation": "基金会，资助助学、助医与过冬项目",
    "social_work": "社会工作服务机构，承接探访、帮办和关爱服务",
    "law_firm": "律师事务所，提供公益法律咨询与援助",
    "hospital": "医疗机构，提供康复、护理与陪诊",
    "merchant": "商户，以商品或手艺认领心愿",
    "enterprise": "企业，提供岗位、物资与改造服务",
    "volunteer_team": "志愿服务队，利用周末探访与认领心愿",
    "government": "基层民政服务窗口，受理与帮办",
}


def make_organizations(suppliers: Suppliers) -> None:
    """The thirty members first, then one centre in each county, the regional ones and two yet unverified."""
    for kind, name, name_en in MEMBERS:
        suppliers.add_organization(kind, name, name_en, DAWUKOU)
    for region, (word, word_en) in COUNTY_CENTRES.items():
        short = regions.name(region)
        english = f"{regions.name(region, 'en')} {word_en} Social Work Centre"
        suppliers.add_organization("social_work", f"{short}{word}社会工作服务中心", english, region)
    for kind, name, name_en, region in REGIONAL:
        suppliers.add_organization(kind, name, name_en, region)
    for kind, name, name_en, region in AWAITING:
        suppliers.add_organization(kind, name, name_en, region, state="registered")


def make_alliance(suppliers: Suppliers) -> None:
    """The alliance with the first thirty organizations as members."""
    suppliers.alliances.append(
        {
            "id": "A1",
            "slug": ALLIANCE,
            "name": "武帮您",
            "name_en": "Wu Bang Nin",
            "region": DAWUKOU,
            "summary": "大武口区爱心联盟：30家成员单位提供物质+服务。“4+5+N”示例,非官方解释：4类人群"
            "（失能老人、困境儿童、残疾人、重病患者），5类服务（照料护理、送医陪护、康复训练、心理疏导、"
            "社会融入），N家联盟资源。演示数据。",
        }
    )
    for row in suppliers.organizations[: len(MEMBERS)]:
        suppliers.alliance_members.append({"alliance": "A1", "organization": row["id"]})


def county_centre(region: str) -> str:
    """The name of a county's social work centre, without the demo mark."""
    return f"{regions.name(region)}{COUNTY_CENTRES[region][0]}社会工作服务中心"


def make_projects(suppliers: Suppliers) -> None:
    """At least one open project for each verified organization, and some in other states."""
    add = suppliers.add_project
    add("彩虹手工工坊", SUPPORTED_JOBS, "为有就业意愿的残疾人提供辅助性就业岗位。", "mixed")
    for _, name, _ in MEMBERS:
        if name != "彩虹手工工坊":
            add(name, f"“武帮您”{name}爱心服务", "爱心联盟成员的日常帮扶，物质+服务。")
    add(
        county_centre(XINGQING),
        CARES_FOR_YOU,
        "政府购买服务：政策清单与“3+X”服务，一户一策。",
        "government_purchase",
    )
    add(
        county_centre(JINFENG),
        "红黄蓝三色帮办",
        "按三色分级提供会商支持、一站式帮办与动态关注。",
        "government_purchase",
    )
    for region in (county.code for county in regions.counties()):
        if region not in (XINGQING, JINFENG):
            name = f"{regions.name(region)}分层分类关爱服务"
            add(county_centre(region), name, "入户探访、情绪支持与帮办。", "government_purchase")
    add("惠农慈善幸福会", HAPPY_HOME, "邻里空间里的互助、助餐与过冬物资。")
    add("惠农同心助学基金会", SCHOOL_AID, "资助困难家庭学生，不设户籍限制。")
    regional = {
        "塞上暖阳慈善基金会": ("温暖过冬·取暖安全", "取暖设备检查与御寒物资。"),
        "六盘春风助学基金会": ("春风助学", "南部山区学生助学金与学习用品。"),
        "黄河岸慈善会": ("急难家庭慈善帮扶", "帮助政府救助后仍有困难的家庭。"),
        "凤城康复医院": ("康复训练进社区", "残疾人与残疾儿童康复训练。"),
        "固原南山医院": ("山区陪诊与康复", "陪诊、出院衔接与康复。"),
        "银川平正律师事务所": ("公益法律咨询", "劳动与家事法律咨询。"),
        "塞上养老服务公司": ("居家养老服务", "助餐、助浴与居家护理。"),
        "沙坡头绿洲志愿服务队": ("绿洲志愿探访", "周末探访与学业陪伴。"),
        "大武口民政服务站": ("一站式帮办窗口", "政策帮办与部门转办。"),
        "兴庆民政服务站": ("一站式帮办窗口", "政策帮办与部门转办。"),
        "金凤民政服务站": ("一站式帮办窗口", "政策帮办与部门转办。"),
    }
    for kind, name, _, _ in REGIONAL:
        if name in regional:
            title, summary = regional[name]
            add(name, title, summary, "government_purchase" if kind == "government" else "charity")
    add(
        "黄河岸慈善会",
        "夏季清凉行动",
        "已经结束的夏季项目。",
        period=("2026-06-01", "2026-09-30"),
        state="closed",
    )
    add("塞上养老服务公司", "夜间看护试点", "护理员不足，暂停接单。", "mixed", state="paused")
    add("星湖食品公司", "社区厨房计划", "正在筹备。", "mixed", ("2027-01-01", "2027-12-31"), "draft")
    add("宁东晨露公益服务中心", "新居民服务驿站", "机构审核中，项目待提交。", state="draft")
