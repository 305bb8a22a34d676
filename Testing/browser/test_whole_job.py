"""The way of most users: open, press the button, look at the result."""

from __future__ import annotations

import io

import numpy as np
import pytest
import SimpleITK as sitk

pytestmark = pytest.mark.browser
_SCALES = "all => all.map((one) => one.clientWidth / one.viewBox.baseVal.width)"


def pixels(page, name: str) -> np.ndarray:
    """What a view shows, ``[row][column][channel]``."""
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(page.get_by_test_id(f"view-{name}").screenshot())).convert("RGB"), dtype=int)


def colourful(picture: np.ndarray) -> float:
    """The share of pixels that are not grey."""
    return float((np.ptp(picture, axis=2) > 40).mean())


def test_a_drawn_study_is_shown_before_it_is_segmented(page):
    page.get_by_test_id("drawn").click()
    page.get_by_test_id("run").wait_for()
    page.wait_for_timeout(1500)
    picture = pixels(page, "sagittal")
    assert picture.mean() > 20 and colourful(picture) < 0.01


def test_results_are_listed_and_seen(judged, screenshot):
    names = judged.get_by_test_id("structures").locator(".structure-name").all_inner_texts()
    assert {"L4 vertebra", "L4-L5 disc", "L4 posterior elements", "sacrum", "spinal canal"} <= set(names)
    volumes = [float(text.split()[0]) for text in judged.get_by_test_id("structures").locator(".volume").all_inner_texts()]
    assert len(volumes) == len(names) and all(0 < volume < 300 for volume in volumes)
    assert colourful(pixels(judged, "sagittal")) > 0.1
    assert colourful(pixels(judged, "3d")) > 0.05
    screenshot(judged, "results_1366x768")
    judged.set_viewport_size({"width": 1920, "height": 1080})
    screenshot(judged, "results_1920x1080")
    judged.set_viewport_size({"width": 1366, "height": 768})


def test_eyes_change_what_is_seen(judged):
    structures = judged.get_by_test_id("structures")
    structures.get_by_role("button", name="Discs").click()
    judged.wait_for_timeout(1500)
    discs = colourful(pixels(judged, "sagittal"))
    structures.get_by_role("button", name="Hide L4-L5 disc").click()
    judged.wait_for_timeout(1500)
    assert 0 < colourful(pixels(judged, "sagittal")) < discs
    structures.get_by_role("button", name="All").click()
    judged.wait_for_timeout(1500)
    assert colourful(pixels(judged, "sagittal")) > discs


def test_slices_are_scrolled_by_slider_keys_and_wheel(judged):
    def shown() -> int:
        judged.wait_for_timeout(1000)
        return int(judged.get_by_test_id("number-sagittal").inner_text().split("/")[0])

    slider, before = judged.get_by_role("slider", name="Sagittal slice"), pixels(judged, "sagittal")
    slider.fill("2")
    assert shown() == 3
    assert np.abs(pixels(judged, "sagittal") - before).mean() > 2
    slider.press("ArrowRight")
    assert shown() == 4
    judged.get_by_test_id("view-sagittal").hover(force=True)
    judged.mouse.wheel(0, -100)
    turned = shown()
    assert turned in (3, 5)
    slider.fill("7")
    assert shown() == 8


def test_views_follow_the_mouse_with_shift(judged):
    def shown() -> list[str]:
        judged.wait_for_timeout(1000)
        return [judged.get_by_test_id(f"number-{name}").inner_text() for name in ("axial", "coronal")]

    before = shown()
    box = judged.get_by_test_id("view-sagittal").bounding_box()
    judged.keyboard.down("Shift")
    for step in range(6):
        judged.mouse.move(box["x"] + box["width"] / 2 + 6 * step, box["y"] + box["height"] / 2 - 20 * step)
        judged.wait_for_timeout(100)
    judged.keyboard.up("Shift")
    assert all(now != one for now, one in zip(shown(), before, strict=True))


def test_a_structure_is_jumped_to(judged):
    structures, number = judged.get_by_test_id("structures"), judged.get_by_test_id("number-axial")
    structures.get_by_role("button", name="L5 vertebra", exact=True).click()
    judged.wait_for_timeout(1000)
    lower = int(number.inner_text().split("/")[0])
    structures.get_by_role("button", name="L1 vertebra", exact=True).click()
    judged.wait_for_timeout(1000)
    upper = int(number.inner_text().split("/")[0])
    assert 100 < abs(upper - lower) < 200  # four levels of some 35 mm, in steps of 0.75 mm


def test_the_fade_shows_the_harmonized_image(judged):
    """With contrast taken from the original: a linear method changes nothing that automatic contrast would not undo."""
    white = judged.get_by_test_id("contrast").get_by_role("slider").nth(1)
    automatic = pixels(judged, "sagittal")
    white.press("End")
    judged.wait_for_timeout(1500)
    original = pixels(judged, "sagittal")
    assert original.mean() < automatic.mean()
    fade = judged.get_by_role("slider", name="Fade between before and after")
    fade.press("End")
    judged.wait_for_timeout(1500)
    assert np.abs(pixels(judged, "sagittal") - original).mean() > 0.5
    fade.press("Home")
    judged.wait_for_timeout(1500)
    assert np.abs(pixels(judged, "sagittal") - original).mean() < 0.5
    judged.get_by_role("button", name="Automatic contrast").click()
    judged.wait_for_timeout(1500)
    assert np.abs(pixels(judged, "sagittal") - automatic).mean() < 0.5


def test_an_image_with_a_patients_name_is_opened_under_another(app, page, tmp_path):
    study = tmp_path / "DOE^JANE.nii.gz"
    values = np.random.default_rng(0).normal(100, 20, (9, 64, 48)).astype(np.float32)
    sitk.WriteImage(sitk.GetImageFromArray(values), str(study))
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Open files").click()
    chooser.value.set_files(str(study))
    page.get_by_text("48 × 64 × 9 voxels").wait_for()
    assert "DOE" not in page.content() and "DOE" not in page.url
    names = [path.name for folder in app.folders() for path in folder.rglob("*")]
    assert names and not [name for name in names if "DOE" in name]
    assert "DOE" not in app.log.read_text(encoding="utf-8")


_DROP = """(text) => {
  const dragged = new DataTransfer();
  dragged.items.add(new File([text], 'letter.nii.gz'));
  document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: dragged, bubbles: true, cancelable: true }));
}"""


@pytest.mark.parametrize("way", ["chosen", "dropped"])
def test_what_is_no_image_is_refused_in_a_sentence(page, tmp_path, way):
    text = tmp_path / "letter.nii.gz"
    text.write_text("Dear colleague")
    if way == "dropped":
        page.evaluate(_DROP, "Dear colleague")
    else:
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Open files").click()
        chooser.value.set_files(str(text))
    said = page.get_by_test_id("error").inner_text()
    assert "Traceback" not in said and "spinemr-" not in said and len(said) > 20
    assert page.get_by_test_id("drawn").is_enabled()


def test_cancel_stops_the_work_and_leaves_the_study(page):
    page.get_by_test_id("drawn").click()
    page.get_by_test_id("run").click()
    page.get_by_test_id("cancel").click()
    page.get_by_text("Cancelled; nothing was changed.").wait_for()
    assert page.get_by_test_id("run").is_enabled()
    assert page.get_by_test_id("verdict").count() == 0


def test_a_drag_changes_window_and_level_and_the_slider_follows(judged):
    def contrast() -> list[int]:
        return judged.evaluate("window.trame.state.get('contrast')")

    before, picture = contrast(), pixels(judged, "sagittal")
    judged.get_by_test_id("contrast_by_mouse").click()
    judged.wait_for_timeout(500)
    box = judged.get_by_test_id("view-sagittal").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    judged.mouse.move(x, y)
    judged.mouse.down()
    for step in range(10):
        judged.mouse.move(x - 12 * step, y - 6 * step)
        judged.wait_for_timeout(50)
    judged.mouse.up()
    judged.wait_for_timeout(1500)
    black, white = contrast()
    assert black > before[0] and black < white
    assert np.abs(pixels(judged, "sagittal") - picture).mean() > 2
    judged.keyboard.press("w")
    judged.get_by_role("button", name="Automatic contrast").click()
    judged.wait_for_timeout(1500)
    assert contrast() == before
    assert judged.get_by_test_id("contrast_by_mouse").get_attribute("aria-pressed") == "false"


def test_measured_lines_and_surfaces_are_shown_on_demand(judged, screenshot):
    without = pixels(judged, "sagittal")
    judged.get_by_test_id("lines").click()
    judged.wait_for_timeout(1500)
    assert np.abs(pixels(judged, "sagittal") - without).mean() > 0.2
    screenshot(judged, "lines_1366x768")
    judged.get_by_test_id("lines").click()
    judged.get_by_test_id("surfaces").click()
    judged.get_by_text("surfaces are off").wait_for()
    judged.wait_for_timeout(1500)
    assert colourful(pixels(judged, "3d")) < 0.01
    assert np.abs(pixels(judged, "sagittal") - without).mean() < 0.2
    judged.get_by_test_id("surfaces").click()
    judged.wait_for_timeout(2500)
    assert colourful(pixels(judged, "3d")) > 0.05


def test_tables_are_sorted_and_lead_back_to_the_images(judged, screenshot):
    judged.get_by_test_id("tab-measurements").click()
    sheet = judged.get_by_test_id("measurements")
    sheet.get_by_text("Volume (mm³)").click()
    judged.wait_for_timeout(800)
    cells = [row.split("\t") for row in sheet.locator("tbody tr").all_inner_texts()]
    place = [text.strip() for text in sheet.locator("thead th").all_inner_texts()].index("Volume (mm³)")
    volumes = [float(row[place]) for row in cells]
    assert len(volumes) > 8 and volumes == sorted(volumes)
    screenshot(judged, "measurements_1366x768")
    sheet.get_by_role("button", name="L4-L5 disc").click()
    judged.get_by_test_id("view-sagittal").wait_for()


def test_features_are_searched_and_plots_are_drawn_and_saved(judged, screenshot):
    judged.get_by_test_id("tab-features").click()
    sheet = judged.get_by_test_id("features")
    everything = sheet.locator("tbody tr").count()
    sheet.get_by_role("textbox", name="Search").fill("glcm_Idmn")
    judged.wait_for_timeout(1000)
    assert everything > 90 and sheet.locator("tbody tr").count() == 1
    sheet.get_by_role("textbox", name="Search").fill("")
    judged.get_by_test_id("tab-plots").click()
    judged.get_by_test_id("plots").locator("svg").nth(2).wait_for()
    judged.wait_for_timeout(500)
    scales = judged.get_by_test_id("plots").locator("svg").evaluate_all(_SCALES)
    assert max(scales) < 1.05 * min(scales)  # the letters of all charts have one size
    screenshot(judged, "plots_1366x768")
    with judged.expect_download() as download:
        judged.get_by_test_id("save-plot").first.click()
    assert download.value.suggested_filename == "relative_errors.svg"
    judged.get_by_test_id("tab-images").click()
