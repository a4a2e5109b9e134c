"""The page in a real browser: narrow screens, the keyboard, and cells that answer."""

import html
import json
import re
import shutil
import subprocess

import pytest

from openlupus.display import report_html

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)

# The page stands in a frame as wide as a telephone; what it does is noted on the outer document.
PROBE = """<!DOCTYPE html><html><body><iframe width="400" height="800" srcdoc="{page}"></iframe>
<script>
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
onload = async () => {
  const inner = document.querySelector("iframe").contentDocument;
  const view = inner.defaultView;
  const press = (key) => inner.activeElement.dispatchEvent(
    new view.KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  const seen = { width: view.innerWidth, scrolled: inner.documentElement.scrollWidth };
  const buttons = [...inner.querySelectorAll("button.ask")];
  seen.stops = buttons.filter((b) => b.tabIndex === 0).length;
  buttons[0].focus();
  press("ArrowRight");
  seen.right = inner.activeElement.textContent;
  press("ArrowDown");
  seen.down = inner.activeElement.textContent;
  for (let i = 0; i < 100 && !inner.documentElement.dataset.ready; i++) await pause(20);
  inner.activeElement.blur();
  buttons[0].focus();
  seen.hint = inner.querySelector("#hint").textContent;
  press("ArrowRight");
  press("ArrowDown");
  inner.activeElement.click();
  await pause(50);
  seen.open = inner.querySelector("dialog").open;
  seen.answer = inner.querySelector("dialog").textContent;
  inner.querySelector("dialog button").click();
  seen.closed = !inner.querySelector("dialog").open;
  const head = [...inner.querySelectorAll("button.sort")][1];
  const labels = () => [...inner.querySelectorAll("table.grid tbody tr")].map(
    (row) => row.querySelector("th").textContent);
  const before = labels();
  head.click();
  seen.up = labels();
  head.click();
  seen.down2 = labels();
  seen.sort = head.closest("th").getAttribute("aria-sort");
  head.click();
  seen.back = labels().join() === before.join();
  document.body.textContent = "SEEN" + JSON.stringify(seen) + "SEEN";
};
</script></body></html>"""


@pytest.mark.browser
@pytest.mark.skipif(not BROWSER, reason="no headless Chromium is installed")
def test_a_cell_answers_and_a_narrow_screen_does_not_scroll(report, build, declared, tmp_path):
    inner = report_html(report(build(declared, published={("Response", "p"): "0.02"})))
    page = tmp_path / "page.html"
    page.write_text(PROBE.replace("{page}", html.escape(inner)), encoding="utf-8")
    ran = subprocess.run(
        [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000",
            f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    found = re.search(r"SEEN(.*)SEEN", ran.stdout)
    assert found
    seen = json.loads(html.unescape(found[1]))
    assert seen["scrolled"] <= seen["width"] == 400
    assert seen["stops"] == 1
    assert (seen["right"], seen["down"]) == ("40.0±11.0", "0")
    assert seen["open"]
    assert "White & <other>: 0 rests on" in seen["answer"]
    assert '{"dataset": "ADSL", "where": {"MITTFL": "Y"}}' in seen["answer"]
    assert seen["closed"]
    assert seen["hint"] == "mean 44.65 · sd 11"
    assert seen["up"] == ["Age — yr", "Race — no. (%)†", "Other", "White & <other>", "Response"]
    assert seen["down2"][1:4] == ["Race — no. (%)†", "White & <other>", "Other"]
    assert seen["sort"] == "descending"
    assert seen["back"]
