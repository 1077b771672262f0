"""The pages in a real browser, with real searches."""

import re
import shutil

import pytest
from growing import GrowingSearch
from playwright.sync_api import expect
from searches import until
from served import serving

PAGES = ["/", "/study/s", "/study/s/trial/9", "/compare?study=s&study=other"]


def drawn(page):
    """Scroll through the page, and wait until all of its figures are drawn."""
    expect(page.locator(".badge, .message").first).to_be_visible()
    sections = page.locator("[data-figure]")
    for i in range(sections.count()):
        sections.nth(i).scroll_into_view_if_needed()
        expect(sections.nth(i).locator(".js-plotly-plot, .nothing")).not_to_have_count(0)
        expect(sections.nth(i).get_by_text("Nothing to draw yet.")).to_have_count(0)
    page.evaluate("scrollTo(0, 0)")


def test_cells_and_state_update_without_a_reload(growing, look):
    page = look(f"{growing.url}/study/s")
    expect(page.locator("#state")).to_contain_text("running")
    expect(page.locator('.strips .cell[data-look="running"]')).to_have_count(2)
    expect(page.locator('.strips .cell[data-look="waiting"]')).to_have_count(6)
    expect(page.locator("#tile-now")).to_contain_text("2 on cpu")
    page.evaluate("window.same = true")
    growing.hold.unlink()
    expect(page.locator("#state")).to_contain_text("finished")
    expect(page.locator("#tile-round")).to_contain_text("3 of 3")
    expect(page.locator("#tile-best")).to_contain_text("±")
    ended = '.strips .cell:is([data-look="done"], [data-look="failed"])'
    expect(page.locator(ended)).to_have_count(28)
    expect(page.locator(".strips .cell")).to_have_count(28)
    expect(page).to_have_title(re.compile("finished"))
    assert page.evaluate("window.same")


def test_a_stopped_trial_is_shown_as_failed_with_its_reason(growing, look):
    study = look(f"{growing.url}/study/s")
    trial = look(f"{growing.url}/study/s/trial/0")
    trial.get_by_role("button", name="Stop this trial").click()
    trial.get_by_role("button", name="Stop it").click()
    expect(trial.locator("#state")).to_contain_text("failed: killed")
    expect(study.locator('.cell[data-number="0"]')).to_have_attribute("data-look", "failed")
    expect(study.locator("#failures")).to_contain_text("killed")
    expect(study.locator("#failures")).to_contain_text("stopped on request")


def test_a_trial_whose_process_is_killed_is_shown_as_failed(growing, look):
    growing.ask("stop", "--now")
    controller = growing.start("--set", "limits.retries=0")
    log = str(growing.trial(0).log)
    until(lambda: growing.processes_that_write(log), "trial 0 runs again")
    page = look(f"{growing.url}/study/s")
    expect(page.locator('.cell[data-number="0"]')).to_have_attribute("data-look", "running")
    [worker] = [p for p in growing.processes_that_write(log) if not p.children()]
    worker.kill()
    expect(page.locator('.cell[data-number="0"]')).to_have_attribute("data-look", "failed")
    expect(page.locator("#failures")).to_contain_text("killed from outside")
    growing.hold.unlink()
    expect(page.locator("#state")).to_contain_text("finished")
    assert growing.end(controller)[0] == 0


def test_a_search_is_paused_and_resumed_and_a_disabled_button_says_why(growing, look):
    page = look(f"{growing.url}/study/s")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#toast")).to_contain_text("paused")
    expect(page.locator("#state")).to_contain_text("paused")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.get_by_role("button", name="Add rounds").click()
    page.get_by_label(re.compile("Rounds to add")).fill("2")
    page.keyboard.press("Enter")
    expect(page.locator("#toast")).to_contain_text("5 rounds in all")
    growing.ask("stop", "--now")
    expect(page.locator("#state")).to_contain_text("interrupted")
    expect(page.locator("#notice")).to_contain_text("hpsearch run")
    page.get_by_role("button", name="Finish after this round").press("Enter")
    expect(page.locator("#toast")).to_contain_text("no controller is running")


def test_log_and_artifacts_of_a_running_trial_are_followed(growing, look):
    page = look(f"{growing.url}/study/s/trial/0")
    expect(page.locator("#log")).to_contain_text("step 1")
    expect(page.locator("#log")).not_to_contain_text("step 2")
    expect(page.locator("#series output")).to_have_text("step 1")
    growing.hold.unlink()
    expect(page.locator("#state")).to_contain_text("complete")
    expect(page.locator("#log")).to_contain_text("step 3")
    expect(page.locator("#series output")).to_have_text("step 3")
    page.get_by_label("Step of samples.png").press("ArrowLeft")
    expect(page.locator("#series output")).to_have_text("step 2")
    expect(page.locator("#series img")).to_have_attribute("src", re.compile("samples-0002.png$"))


def test_a_name_with_special_characters_is_text_and_its_links_work(look, grown, tmp_path):
    name = """a'b "c" & <i>d 100% ü"""
    shutil.copytree(grown.run.path, tmp_path / name)
    with serving(tmp_path) as asker:
        page = look(asker.url)
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
        page.locator(".strips .cell").first.click()
        expect(page.locator("#state")).to_contain_text("complete")
        page.get_by_label("Breadcrumb").get_by_role("link", name=name, exact=True).click()
        expect(page.locator("#state")).to_contain_text("finished")
        page.close()


def test_a_note_is_saved_with_its_trial(growing, look):
    page = look(f"{growing.url}/study/s/trial/0")
    page.get_by_role("textbox", name="Note").fill("its <b>samples</b> look torn")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#toast")).to_contain_text("noted on trial 0")
    page.reload()
    expect(page.get_by_role("textbox", name="Note")).to_have_value("its <b>samples</b> look torn")


def test_a_cells_tooltip_shows_changed_parameters_and_a_line_to_the_parent(look, gallery):
    page = look(f"{gallery}/study/s")
    page.locator(".strips .continued").first.hover()
    tip = page.get_by_role("tooltip")
    expect(tip).to_contain_text("continuation of")
    expect(tip).to_contain_text("lr")
    expect(page.locator(".relation.parent")).to_have_count(1)
    expect(page.locator(".cell.related")).not_to_have_count(0)
    page.locator('[data-strip="r1"] .cell').last.focus()
    expect(tip).to_contain_text("was")
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()


def test_the_keyboard_reaches_a_trial_and_the_back_button_the_study(look, gallery):
    page = look(f"{gallery}/")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("oth")
    expect(page.locator(".studies tbody tr")).to_have_count(1)
    page.keyboard.press("Escape")
    page.locator(".studies a").first.press("Enter")
    page.wait_for_url("**/study/*")
    page.locator('.cell[data-number="0"]').focus()
    for key in ("ArrowRight", "ArrowDown", "End", "Home", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    expect(page.locator('.cell[data-number="1"]')).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/trial/1")
    expect(page.locator("#state")).not_to_be_empty()
    page.keyboard.press("j")
    page.wait_for_url("**/trial/2")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("next trial of the round")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.go_back()
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("other")
    expect(page.locator(".strips .cell")).not_to_have_count(0)


def test_chosen_studies_are_compared_and_still_chosen_on_return(look, gallery):
    page = look(f"{gallery}/")
    expect(page.locator("#compare")).to_have_attribute("aria-disabled", "true")
    page.get_by_label("Compare s").check()
    page.get_by_label("Compare other").check()
    page.get_by_role("link", name="Compare 2 studies").click()
    expect(page.locator(".compared thead")).to_contain_text("other")
    expect(page.locator(".compared")).to_contain_text("test_fid")
    page.go_back()
    expect(page.get_by_label("Compare other")).to_be_checked()


def test_a_theme_is_remembered(look, gallery):
    page = look(f"{gallery}/", dark=True)
    dark = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    page.get_by_role("button", name="Theme").click()
    light = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (
        sum(map(int, re.findall(r"\d+", dark)))
        < 150
        < 600
        < sum(map(int, re.findall(r"\d+", light)))
    )
    page.goto(f"{gallery}/study/s")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == light


def test_a_lost_connection_is_shown_until_it_is_restored(look, gallery):
    page = look(f"{gallery}/study/s", lossy=True)
    expect(page.locator("#state")).to_contain_text("finished")
    page.route("**/data/**", lambda route: route.abort())
    expect(page.locator("#connection")).to_contain_text("Connection lost")
    page.unroute("**/data/**")
    expect(page.locator("#connection")).to_be_hidden()


@pytest.mark.parametrize("path", [*PAGES, "/study/none"])
def test_axe_finds_nothing_serious_in_either_theme(look, gallery, path):
    from axe_playwright_python.sync_playwright import Axe

    page = look(gallery + path, lossy=path.endswith("none"))
    drawn(page)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        violations = Axe().run(page).response["violations"]
        serious = [v for v in violations if v["impact"] in ("serious", "critical")]
        assert [(v["id"], [node["html"] for node in v["nodes"]]) for v in serious] == []


@pytest.mark.parametrize("path", PAGES)
def test_no_page_is_wider_than_a_phone(look, gallery, path):
    page = look(gallery + path, width=390)
    drawn(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_an_empty_list_and_an_unreadable_study_say_what_to_do(look, tmp_path):
    with serving(tmp_path) as asker:
        page = look(asker.url, lossy=True)
        expect(page.locator("#studies")).to_contain_text("hpsearch run")
        broken = tmp_path / "broken"
        broken.mkdir()
        (broken / "study.yaml").write_text("study: s")
        (broken / "study.db").write_text("no database" * 100)
        expect(page.locator(".studies")).to_contain_text("cannot be read")
        page.goto(f"{asker.url}/study/broken")
        expect(page.locator("#notice")).to_contain_text("cannot be read")
        expect(page.locator("#rounds")).to_be_hidden()
        page.close()


def test_a_failed_search_shows_the_end_of_a_log(look, tmp_path):
    trainer = 'def train(run):\n    raise ValueError("<i>no such data</i>")\n'
    search = GrowingSearch(tmp_path, trainer=trainer)
    assert search.finish()[0] == 3
    with serving(search.runs) as asker:
        page = look(f"{asker.url}/study/s")
        expect(page.locator("#state")).to_contain_text("failed")
        expect(page.locator("#failed")).to_contain_text("<i>no such data</i>")
        expect(page.locator('.strips .cell[data-look="failed"]')).to_have_count(8)
        page.close()


def test_optuna_dashboard_shows_the_same_studies(look, gallery):
    page = look(f"{gallery}/")
    page.get_by_role("link", name="Optuna Dashboard").click()
    page.wait_for_url("**/dashboard")
    page.get_by_text("other").first.click()
    page.wait_for_url("**/dashboard/studies/*")
    expect(page.get_by_role("heading", name="History")).to_be_visible()
    page.go_back()
    page.go_back()
    expect(page.get_by_role("heading", name="Studies")).to_be_visible()
