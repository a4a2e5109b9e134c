"""The picture of a trial's design."""

import re
import xml.etree.ElementTree as ET

import pytest

from openlupus.display import DesignArm, DesignPeriod, DesignPicture, design_figure
from openlupus.errors import DisplayError

TREATMENT = DesignPeriod(label="Treatment", start=0, end=24, kind="treatment")
PICTURE = DesignPicture(
    arms=(
        DesignArm(label="Active & <new>", ratio=2, n=80),
        DesignArm(label="Control", ratio=1, n=40, control=True),
    ),
    periods=(
        DesignPeriod(label="Screening", start=-4, end=0, kind="screening"),
        TREATMENT,
        DesignPeriod(label="Follow-up", start=24, end=28, kind="follow-up"),
    ),
    visits=(-4, 0, 4, 12, 24, 28),
    strata=("Sex: female or male", "Dose: 10 mg per day or more, or less than that"),
    primary=("Response on the index", 24),
    blinding="Double-blind",
    counted="planned",
    screened=200,
)


def drawn(picture: DesignPicture, **options) -> str:
    return design_figure(picture, id="f", number="Figure 1", title="Design", **options).svg


def words(svg: str) -> list[str]:
    """Every text of the drawing, in order."""
    root = ET.fromstring(svg)
    found = ("".join(e.itertext()).strip() for e in root.iter("{http://www.w3.org/2000/svg}text"))
    return [" ".join(text.split()) for text in found]


def test_shows_everything_that_it_is_given():
    shown = words(drawn(PICTURE))
    joined = " ".join(shown)
    for text in (
        "Active & <new> (n=80 planned)", "Control (n=40 planned)", "Randomisation", "2:1",
        "Screening", "200 screened", "4 weeks", "Treatment, double-blind", "24 weeks", "Follow-up",
        "Stratified by", "Sex: female or male", "Primary end point, week 24",
        "Response on the index", "Week", "Visit",
    ):  # fmt: skip
        assert text in joined
    assert [text for text in shown if re.fullmatch(r"\d+", text)] == ["0", "4", "12", "24", "28"]


def test_text_is_text_and_the_drawing_has_a_name_and_a_description():
    root = ET.fromstring(drawn(PICTURE))
    name, description = root[0], root[1]
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-labelledby"] == name.attrib["id"] == "f-name"
    assert root.attrib["aria-describedby"] == description.attrib["id"] == "f-words"
    assert (name.text, "viewBox" in root.attrib) == ("Design", True)
    assert "width" not in root.attrib


def test_the_description_says_the_design_in_words():
    figure = design_figure(PICTURE, id="f", number="Figure 1", title="Design")
    assert figure.description == (
        "Screening: 4 weeks. Treatment: week 0 to week 24. Follow-up: week 24 to week 28."
        " 200 patients were screened. Randomisation at week 0 in a ratio of 2:1, stratified by"
        " Sex: female or male and by Dose: 10 mg per day or more, or less than that, to:"
        " Active & <new> (n=80 planned); Control (n=40 planned)."
        " Visits at weeks -4, 0, 4, 12, 24, 28."
        " Primary end point: Response on the index, at week 24."
    )


def test_the_same_picture_gives_the_same_bytes_and_no_date():
    svg = drawn(PICTURE)
    assert svg == drawn(PICTURE)
    assert not re.search(r"20\d\d-\d\d-\d\d", svg)
    assert "metadata" not in svg


def test_only_greys_are_drawn():
    for colour in re.findall(r"#([0-9a-f]{6})\b", drawn(PICTURE)):
        assert colour[:2] == colour[2:4] == colour[4:]


def test_two_figures_share_no_id():
    ids = [
        set(re.findall(r'id="([^"]+)"', design_figure(PICTURE, id=i, number="", title="").svg))
        for i in ("f", "g")
    ]
    assert ids[0].isdisjoint(ids[1])


@pytest.mark.parametrize("arms", [1, 2, 5, 9])
def test_any_number_of_arms_fits_on_the_sheet(arms):
    many = tuple(DesignArm(label=f"Arm {i}", ratio=1) for i in range(arms))
    svg = drawn(DesignPicture(arms=many, periods=(TREATMENT,), primary=("Response", 0)))
    box = [float(x) for x in ET.fromstring(svg).attrib["viewBox"].split()]
    heights = [float(y) for y in re.findall(r'<text [^>]*? y="([\d.]+)"', svg)]
    heights += [float(y) for y in re.findall(r"translate\([\d.]+ ([\d.]+)\)", svg)]
    assert heights
    assert all(box[1] <= y <= box[3] for y in heights)
    assert sum(text.startswith("Arm ") for text in words(svg)) == arms


def test_weeks_are_whole_where_they_are_and_short_where_they_are_not():
    picture = DesignPicture(
        arms=PICTURE.arms, periods=(TREATMENT,), visits=(0, 167 / 7), primary=("R", 167 / 7)
    )
    assert "Primary end point, week 23.9" in " ".join(words(drawn(picture)))


def test_refuses_what_is_no_design():
    with pytest.raises(DisplayError, match="needs an arm and a treatment period"):
        DesignPicture(arms=(), periods=(TREATMENT,))
    with pytest.raises(DisplayError, match="must end after it starts"):
        DesignPicture(
            arms=PICTURE.arms,
            periods=(DesignPeriod(label="T", start=4, end=4, kind="treatment"),),
        )
