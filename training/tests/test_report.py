"""The report holds everything it shows, and says what was not measured."""

import json
import re

import pytest

from training import report, report_plots

LABELS = ["anger", "joy"]
FIGURES = {"macroF1": 0.53, "ece": 0.04, "f1.anger": 0.4, "f1.joy": 0.7, "checklist": 0.5, "checklist.slang": 0.5,
           "clincAccuracy": 0.96, "frozenClincAccuracy": 0.9}  # fmt: skip
CASES = [
    {"type": "MFT", "text": "<b>yay</b>", "labels": ["joy"], "capability": "slang", "passed": False, "why": "anger 0.50"},
    {"type": "INV", "text": "a", "changed": "b", "capability": "slang", "passed": True, "why": ""},
]
DETAILS = {
    "emotion": {"labels": LABELS, "confusion": [[3, 1], [0, 4]], "support": [4, 4], "worst": [],
                "reliability": [{"p": 0.1, "share": 0.2, "count": 9}, {"p": 0.9, "share": 0.8, "count": 3}]},
    "intent": {"riskCoverage": [[0.5, 0.0], [1.0, 0.1]], "worst": [{"text": "x < y", "truth": "a", "read": "b", "p": 0.9}]},
    "checklist": {"cases": CASES},
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "manifest.json").write_text(
        json.dumps({"version": "v9", "createdAt": "2026-11-28T00:00:00+00:00", "metrics": {"int8MacroF1Delta": -0.001, "macroF1": 0.99}})
    )
    return tmp_path


def page(folder, live=None):
    return report.page(folder, {"model": "ab" * 32, "figures": FIGURES, "details": DETAILS}, live, {})


def test_a_target_is_reached_missed_or_not_measured():
    assert report.verdict(0.55, 0.5, 0.54)[1] == "aim reached"
    assert report.verdict(0.51, 0.5, 0.54)[1] == "floor reached"
    assert report.verdict(0.49, 0.5, 0.54)[1] == "below the floor"
    assert report.verdict(0.01, 0.03, 0.015)[1] == "aim reached"
    assert report.verdict(0.04, 0.03, 0.015)[1] == "above the floor"
    assert report.verdict(None, 0.5, 0.54)[1] == "not measured"


def test_the_page_needs_nothing_but_itself(folder):
    found = page(folder)
    assert not re.search(r"(src|href)=['\"]?(?!data:)", found)
    assert "prefers-color-scheme: dark" in found and "width=device-width" in found


def test_texts_are_shown_as_they_were_written(folder):
    found = page(folder)
    assert "&lt;b&gt;yay&lt;/b&gt;" in found and "<b>yay</b>" not in found and "x &lt; y" in found


def test_what_was_measured_now_counts_and_not_what_the_manifest_says(folder):
    found = page(folder)
    assert "0.530" in found and "0.99" not in found and "-0.0010" in found


def test_the_live_version_stands_beside_it(folder):
    found = page(folder, ("v8", FIGURES | {"macroF1": 0.52}))
    assert "live v8" in found and "+0.0100" in found
    assert "live v8" not in page(folder)


@pytest.mark.parametrize("name", report_plots.PLOTS)
def test_each_picture_is_drawn_for_light_and_dark_pages(name):
    history = {"emotion": [{"step": 1, "bce loss": 0.5}, {"step": 2, "bce loss": 0.25}]}
    drawn = report_plots.draw(name, DETAILS, FIGURES, FIGURES, history)
    assert {*drawn} == {"light", "dark"} and all(image.startswith(b"\x89PNG") for image in drawn.values())


def test_without_what_it_shows_no_picture_is_drawn():
    assert all(report_plots.draw(name, {}, {}, None, {}) == {} for name in report_plots.PLOTS)
