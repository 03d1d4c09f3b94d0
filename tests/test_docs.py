"""The documentation says what the code does."""

import doctest
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
sys.path.insert(0, str(DOCS))
build_pages = pytest.importorskip("build_pages", reason="docs/ is not beside the tests")


@pytest.mark.parametrize("name", build_pages.KINDS)
def test_page_lists_the_members_of_its_registry(name):
    kind = build_pages.KINDS[name]
    written = (DOCS / "components" / f"{name}.md").read_text(encoding="utf-8")
    assert written == build_pages.page(kind), "Run python docs/build_pages.py."
    for member in kind.members:
        assert f"## `{member}`" in written


@pytest.mark.parametrize("name", build_pages.KINDS)
def test_every_member_has_a_formula_and_a_reference(name):
    for label, member in build_pages.KINDS[name].members.items():
        body, sections = build_pages._sections(member)
        assert body.strip(), label
        assert "References" in sections, label


def test_guide_to_extending_runs_as_it_stands():
    failed, tried = doctest.testfile(
        str(DOCS / "extending.md"), module_relative=False, optionflags=doctest.ELLIPSIS
    )
    assert tried > 10
    assert failed == 0
