"""The harness of the system tests serves here, too; after a failure the box's journal is shown."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    life = item.funcargs.get("life")
    if report.failed and life:
        report.sections += [("journal of liftgwd", life.box.journal()[-6000:]),
                            ("console", life.box.process.log[-3000:])]
