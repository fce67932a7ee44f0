# SPDX-License-Identifier: Apache-2.0
"""Counts single tests in the JUnit files of ctest and pytest, prints what failed and what was skipped, then one line.

ctest knows programs, not the cmocka tests in them: those are counted in the program's output. A program that says
nothing of cmocka's counts as one test.
"""

import re
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path

STARTED = re.compile(r"^\[ RUN      \] (.+)$", re.M)
PASSED = re.compile(r"^\[       OK \] (.+)$", re.M)
SKIPPED = re.compile(r"^\[  SKIPPED \] (?!\d+ test\(s\))(.+)$", re.M)
REASON = re.compile(r"^skip(?:ped)?: (.+)$", re.M)

HEAD_LINES, TAIL_LINES = 8, 24


@dataclass
class Tally:
    passed: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)  # name, output
    skipped: list[tuple[str, str]] = field(default_factory=list)  # name, reason


def count_program(case: ET.Element, tally: Tally) -> None:
    name = case.get("name", "?")
    output = case.findtext("system-out") or ""
    failed = case.find("failure") is not None or case.get("status") == "fail"
    if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
        # A test whose program is missing is a fault of the build, not a choice.
        if case.get("status") == "disabled":
            tally.skipped.append((name, "disabled"))
        else:
            tally.failed.append((name, output or "was not run: the program is missing"))
        return
    started = STARTED.findall(output)
    if not started:
        if failed:
            tally.failed.append((name, output))
        else:
            tally.passed += 1
        return
    passed, skipped = PASSED.findall(output), SKIPPED.findall(output)
    reasons = REASON.findall(output) or ["no reason given"]
    tally.passed += len(passed)
    tally.skipped += [(f"{name}: {test}", reasons[min(i, len(reasons) - 1)]) for i, test in enumerate(dict.fromkeys(skipped))]
    rest = list(started)
    for test in passed + list(dict.fromkeys(skipped)):
        if test in rest:
            rest.remove(test)
    if failed and not rest:
        rest = ["the program failed after its tests (a leak, a sanitizer's report, a time limit)"]
    for i, test in enumerate(rest):
        tally.failed.append((f"{name}: {test}", output if i == 0 else "(output above)"))


def count_python(case: ET.Element, tally: Tally) -> None:
    name = f"{case.get('classname', '')}.{case.get('name', '?')}"
    skipped = case.find("skipped")
    if skipped is not None:
        tally.skipped.append((name, skipped.get("message", "")))
        return
    for problem in [*case.findall("failure"), *case.findall("error")]:
        tally.failed.append((name, problem.text or problem.get("message", "")))
        return
    tally.passed += 1


def shortened(output: str) -> str:
    """The cause is at the end of what a test says, the test at its beginning."""
    lines = output.rstrip().splitlines()
    if len(lines) > HEAD_LINES + TAIL_LINES:
        left_out = len(lines) - HEAD_LINES - TAIL_LINES
        lines[HEAD_LINES:-TAIL_LINES] = [f"… {left_out} lines …"]
    return "\n".join(lines)


def main(paths: list[str]) -> int:
    tally = Tally()
    for path in paths:
        if not Path(path).exists():
            continue
        count = count_python if Path(path).stem == "pytest" else count_program
        for case in ET.parse(path).getroot().iter("testcase"):
            count(case, tally)
    for name, reason in tally.skipped:
        print(f"SKIPPED     {name}: {reason}")
    for name, output in tally.failed:
        print(f"FAILED      {name}\n{shortened(output)}\n")
    for name, _ in tally.failed:
        print(f"FAILED      {name}")
    counts = f"{tally.passed} passed, {len(tally.failed)} failed"
    print(counts + (f", {len(tally.skipped)} skipped" if tally.skipped else ""))
    return 1 if tally.failed or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
