"""What the organizations of the demo world can give: their capacity."""

from marketplace import regions
from marketplace.demo.draw import Draw
from marketplace.demo.suppliers import (
    DAWUKOU,
    HAPPY_HOME,
    HUINONG,
    JINFENG,
    SCHOOL_AID,
    XINGQING,
    Suppliers,
    county_centre,
)

CHILD_WORKER = "Q-SOCWORK;Q-NOCRIME"


def make_alliance_capacity(suppliers: Suppliers) -> None:
    """What the thirty members offer in Dawukou, some of them in the whole of Shizuishan."""
    add = suppliers.add_capacity
    law, nursing = "武帮您公益法律时段", "武帮您护理人力"
    for number, name in enumerate(("贺兰山正平律师事务所", "石城明理律师事务所", "塞上同道律师事务所"), 1):
        service = "640200" if number == 1 else DAWUKOU
        add(
            name,
            "S1304",
            6,
            f"公益法律咨询时段{number}",
            regions=service,
            qualifications="Q-LAWYER",
            pool=law,
            pool_quantity="14",
        )
    add(
        "星海康复医院",
        "S0501;S0503",
        26,
        "肢体康复训练",
        regions="640200",
        radius_km="60",
        qualifications="Q-REHAB;Q-MEDIC",
        groups="G-DISABLED;G-ILL",
    )
    add(
        "星海康复医院",
        "S0502;S0504",
        18,
        "儿童康复训练",
        qualifications="Q-REHAB;Q-NOCRIME",
        groups="G-DISCHILD",
        regions="640200",
        radius_km="35",
    )
    add("北麓社区医院", "S04", 14, "陪诊与送医接送", regions="640200", radius_km="45", qualifications="Q-MEDIC")
    add(
        "北麓社区医院",
        "S0202",
        16,
        "上门护理",
        qualifications="Q-NURSE;Q-CARER",
        pool=nursing,
        pool_quantity="38",
    )
    add(
        "安心护理院",
        "S0201;S0204;S0205",
        14,
        "短期托养与陪护",
        qualifications="Q-CARER",
        pool=nursing,
        pool_quantity="38",
    )
    add(
        "安心护理院",
        "S0202;S0302",
        24,
        "居家护理与助浴",
        qualifications="Q-CARER",
        pool=nursing,
        pool_quantity="38",
        groups="G-ELDUNABLE;G-SEVDIS",
    )
    add("晴川心理门诊", "S0601;S0602", 16, "心理疏导", regions="640200", qualifications="Q-COUNSEL")
    add("晴川心理门诊", "S0604", 10, "精神康复随访", qualifications="Q-PSYCH;Q-COUNSEL", groups="G-MENTAL")
    add("暖鞋坊", "S1102", 8, "棉鞋与冬衣", regions="640200")
    add("家常便当", "S0301", 12, "爱心午餐配送", radius_km="12", groups="G-ELDUNABLE;G-ELDALONE;G-SEVDIS")
    add("惠邻粮油店", "S1101", 20, "米面粮油", budget_yuan="6000", unit_cost_yuan="150")
    add("书香文具店", "S0803", 7, "文具与书包", regions="640200", groups="G-STUDENT;G-HARDCHILD")
    add("晨光理发店", "S0304", 12, "上门理发")
    add("巧手家电维修", "S0306", 12, "水电与家电小修")
    add("童乐玩具店", "S1105", 8, "玩具、图书与球类")
    add("净居保洁", "S0303", 12, "入户保洁", groups="G-ELDALONE;G-SEVDIS")
    add("甜心烘焙", "S1106", 4, "生日蛋糕与烘焙体验", regions="640200")
    add("石嘴山北方铸造厂", "S0902;S0903", 8, "岗位与技能培训")
    add("星湖食品公司", "S1101", 16, "牛奶与杂粮", minimum_batch="4")
    add("同路出行公司", "S0402", 8, "无障碍接送", regions="640200", radius_km="20")
    add("安居适老改造公司", "S1201;S1202", 7, "适老与无障碍改造", budget_yuan="15000", unit_cost_yuan="2400")
    add("彩虹手工工坊", "S0904", 3, "辅助性就业岗位", groups="G-DISABLED;G-MENTAL")
    add("银星辅具公司", "S1103", 15, "轮椅与助行辅具", regions="640200")
    add("暖域供热公司", "S1204", 8, "炉具与烟道检查", regions="640200", radius_km="30")
    add("大武口爱心互助会", "S1102;S1104", 10, "衣被与小家电")
    add("大武口爱心互助会", "S1302", 4, "重病家庭慈善帮扶")
    add("山水公益服务中心", "S10", 10, "社会融入活动", regions="640200")
    add("小荷助学会", "S0802", 3, "助学金名额", regions="640200", groups="G-STUDENT;G-HARDCHILD")
    add("小荷助学会", "S0801;S0703", 22, "课业辅导与托管", qualifications="Q-NOCRIME")
    add(
        "夕阳红助老会",
        "S0101;S0102",
        24,
        "独居老人探访",
        regions="640200",
        radius_km="25",
        groups="G-ELDALONE;G-ELDUNABLE",
    )
    add("夕阳红助老会", "S1003;S0305", 10, "手机教学与代办")
    add("朝阳志愿服务队", "S01;S0305", 18, "周末探访")
    add(
        "星火志愿服务队",
        "S1106;S1105",
        7,
        "陪孩子实现小心愿",
        groups="G-HARDCHILD;G-LEFTCHILD;G-MIGCHILD;G-STUDENT",
    )
    add("邻里守望志愿服务队", "S1001;S0303", 8, "邻里结对")


def make_county_capacity(suppliers: Suppliers) -> None:
    """What each county's social work centre offers: near by, some to its neighbours too, never enough."""
    for county in regions.counties():
        code, name = county.code, county_centre(county.code)
        draw = Draw("county capacity", code)
        near = {"regions": county.parent_code, "radius_km": "25"}
        far = {"regions": county.parent_code, "radius_km": "55"}
        suppliers.add_capacity(name, "S01", draw.integer(6, 14), "入户探访与电话巡访", **near)
        if code != HUINONG:
            suppliers.add_capacity(
                name, "S13;S1004;S0805", draw.integer(2, 5), "政策与入学帮办", qualifications="Q-SOCWORK", **far
            )
        if draw.chance(65):
            suppliers.add_capacity(
                name, "S0601;S0602", draw.integer(4, 10), "情绪疏导", qualifications="Q-COUNSEL;Q-SOCWORK", **far
            )
        if draw.chance(75):
            suppliers.add_capacity(
                name,
                "S07;S0801",
                draw.integer(12, 22),
                "儿童关爱与课后陪伴",
                **far,
                qualifications=CHILD_WORKER,
                groups="G-HARDCHILD;G-LEFTCHILD;G-STUDENT",
            )
    xingqing, jinfeng = county_centre(XINGQING), county_centre(JINFENG)
    suppliers.add_capacity(xingqing, "S02;S03", 30, "“3+X”养老服务", qualifications="Q-CARER")
    suppliers.add_capacity(
        xingqing, "S0604", 14, "“3+X”精神康复", qualifications="Q-PSYCH;Q-SOCWORK", groups="G-MENTAL"
    )
    suppliers.add_capacity(xingqing, "S09", 10, "就业帮扶")
    suppliers.add_capacity(jinfeng, "S1305;S1301", 8, "个案管理与一站式帮办", qualifications="Q-SOCWORK")


def make_regional_capacity(suppliers: Suppliers) -> None:
    """What foundations, hospitals, companies and Huinong's programmes offer, often over many counties."""
    add = suppliers.add_capacity
    winter = {"pool": "温暖过冬物资", "pool_quantity": "120"}
    for region, quantity in (("640100", 40), ("640200", 24), ("640300", 36), ("640400", 40), ("640500", 30)):
        place = regions.name(region)
        add("塞上暖阳慈善基金会", "S1101;S1102", quantity, f"{place}过冬物资", regions=region, **winter)
        if region != "640500":
            add("塞上暖阳慈善基金会", "S1204;S1203", 8, f"{place}取暖安全检查", regions=region)
    add(
        "六盘春风助学基金会",
        "S0802",
        16,
        "山区助学金",
        regions="640400;640324;640522",
        groups="G-STUDENT;G-HARDCHILD;G-ORPHAN",
        budget_yuan="30000",
        unit_cost_yuan="1800",
    )
    add("六盘春风助学基金会", "S0803;S1105", 18, "学习用品与图书", regions="640400;640303")
    add(
        "六盘春风助学基金会",
        "S0801;S0703",
        40,
        "大学生课业陪伴",
        regions="640300;640400;640500",
        qualifications="Q-NOCRIME",
        groups="G-STUDENT;G-LEFTCHILD",
    )
    add("黄河岸慈善会", "S1302", 14, "急难家庭慈善帮扶", regions="640000")
    add("黄河岸慈善会", "S0901;S0902;S0903", 16, "就业陪伴计划", regions="640000")
    add("黄河岸慈善会", "S1202;S1201", 6, "无障碍改造", regions="640100;640300")
    add("黄河岸慈善会", "S1105;S1106", 14, "儿童心愿", regions="640100;640200;640300")
    add("黄河岸慈善会", "S1104;S1103", 12, "家具家电与辅具", regions="640100;640300")
    add(
        "黄河岸慈善会",
        "S0802",
        8,
        "川区助学金",
        regions="640100;640300;640500",
        groups="G-STUDENT;G-HARDCHILD",
    )
    add("凤城康复医院", "S0501;S0503", 48, "康复训练", regions="640100", qualifications="Q-REHAB;Q-MEDIC")
    add(
        "凤城康复医院",
        "S0502;S0504",
        36,
        "残疾儿童康复",
        regions="640100;640300",
        radius_km="70",
        qualifications="Q-REHAB;Q-NOCRIME",
        groups="G-DISCHILD",
    )
    add("凤城康复医院", "S0604", 18, "精神康复", regions="640100;640300", qualifications="Q-PSYCH")
    add(
        "凤城康复医院",
        "S0501",
        36,
        "流动康复车",
        regions="640300;640500",
        radius_km="130",
        qualifications="Q-REHAB",
    )
    add("固原南山医院", "S0604", 10, "山区精神康复", regions="640400", qualifications="Q-PSYCH")
    add("固原南山医院", "S04", 20, "陪诊与出院衔接", regions="640400", qualifications="Q-MEDIC")
    add(
        "固原南山医院",
        "S0501;S0502",
        30,
        "山区康复训练",
        regions="640400",
        radius_km="45",
        qualifications="Q-REHAB",
    )
    add(
        "固原南山医院",
        "S0202",
        16,
        "巡回护理",
        regions="640400",
        radius_km="35",
        qualifications="Q-NURSE;Q-CARER",
    )
    add("银川平正律师事务所", "S1304", 10, "法律咨询", regions="640000", qualifications="Q-LAWYER")
    add(
        "塞上养老服务公司",
        "S0301",
        56,
        "助餐送餐",
        regions="640104;640105;640106",
        groups="G-ELDUNABLE;G-ELDALONE",
    )
    add(
        "塞上养老服务公司",
        "S0202;S0302",
        46,
        "居家护理与助浴",
        regions="640100;640302",
        qualifications="Q-CARER",
    )
    add("塞上养老服务公司", "S0301", 34, "县区助餐点", regions="640300;640400", groups="G-ELDUNABLE;G-ELDALONE")
    add(
        "塞上养老服务公司",
        "S0201;S0202;S0302",
        34,
        "县区居家护理",
        regions="640300;640400;640500",
        qualifications="Q-CARER",
    )
    add("塞上养老服务公司", "S0401;S0402;S0404", 14, "县区陪诊", regions="640300;640500", radius_km="110")
    add("塞上养老服务公司", "S0401;S0402;S0403", 16, "陪诊接送", regions="640100", radius_km="30")
    add(
        "塞上养老服务公司",
        "S1201",
        8,
        "春季适老化改造",
        regions="640100",
        valid_from="2027-03-01",
        valid_until="2027-12-31",
    )
    add("沙坡头绿洲志愿服务队", "S0101;S0303;S0305", 18, "周末探访与助洁", regions="640500", radius_km="40")
    add("沙坡头绿洲志愿服务队", "S0801", 14, "周末课业陪伴", qualifications="Q-NOCRIME")
    add("大武口民政服务站", "S1301;S1303", 6, "一站式帮办")
    add("兴庆民政服务站", "S1301;S1303", 6, "一站式帮办")
    add("金凤民政服务站", "S1301;S1303", 6, "一站式帮办")
    add("金凤民政服务站", "S1205", 6, "临时住所", valid_until="2026-11-10")
    add("惠农慈善幸福会", "S11", 24, "慈善幸福家园物资", project_title=HAPPY_HOME)
    add("惠农慈善幸福会", "S0301", 16, "幸福家园助餐", project_title=HAPPY_HOME)
    add("惠农同心助学基金会", "S0803;S1105", 12, "同心圆梦学习用品", project_title=SCHOOL_AID)
    add("惠农同心助学基金会", "S0802", 4, "同心圆梦助学金", project_title=SCHOOL_AID)


def make_offers(suppliers: Suppliers) -> None:
    """All capacity, once the projects are there."""
    make_alliance_capacity(suppliers)
    make_county_capacity(suppliers)
    make_regional_capacity(suppliers)
