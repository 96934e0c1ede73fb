"""The report as JUnit XML, which every CI server reads: a suite a workbook, a test a tensor."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree

from xlparity.model.outcome import Outcome
from xlparity.model.report import IGNORED
from xlparity.model.verdict import Verdict
from xlparity.report.tensors import UNCOMPARED, failing, named_tensors
from xlparity.report.text import finding_lines, other_side, plain, verdict_sentence

__all__ = ["outcomes_to_junit"]

_MOST_CELLS = 20


def outcomes_to_junit(outcomes: Iterable[Outcome]) -> str:
    """All workbooks in one document, as the schema of Jenkins (junit-10.xsd) has it.

    A tensor with an undecided cell is a failure, never skipped; a workbook that could not be checked is an error.
    """
    root = ElementTree.Element("testsuites", name="xlparity")
    suites = [_suite(outcome) for outcome in outcomes]
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in suites)))
    root.extend(suites)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(outcome: Outcome) -> ElementTree.Element:
    path = plain(outcome.path)
    suite = ElementTree.Element("testsuite", name=path, file=path)
    failures = 0
    if outcome.report is None:
        case = ElementTree.SubElement(suite, "testcase", classname=path, name="check")
        message = plain(outcome.error)
        ElementTree.SubElement(case, "error", type="not checked", message=message).text = message
    else:
        properties = ElementTree.SubElement(suite, "properties")
        described = {"xlparity": outcome.report.version, "verdict": verdict_sentence(outcome.report)}
        described |= {f"engine {engine.name}": engine.version for engine in outcome.report.engines}
        for name, value in described.items():
            ElementTree.SubElement(properties, "property", name=plain(name), value=plain(value))
        for name, tensor, findings in named_tensors(outcome.report):
            case = ElementTree.SubElement(suite, "testcase", classname=path, name=plain(name))
            if (tensor.verdicts == IGNORED).all():
                ElementTree.SubElement(case, "skipped", message="every cell is in an area that is not to be judged")
                continue
            if tensor.verdict.passes:
                continue
            failures += 1
            bad = failing(findings)
            other = other_side(outcome.report)
            lines = [line for finding in bad[:_MOST_CELLS] for line in finding_lines(finding, other)]
            if len(bad) > _MOST_CELLS:
                lines.append(f"and {len(bad) - _MOST_CELLS} more cells of {tensor.tensor}")
            message = f"{len(bad)} of {tensor.block.size} cells do not agree with {other.replace('torch', 'PyTorch')}"
            failure = ElementTree.SubElement(case, "failure", type=tensor.verdict.value, message=message)
            failure.text = "\n".join(plain(line) for line in lines)
        for name in map(plain, outcome.report.uncompared):
            failures += 1
            case = ElementTree.SubElement(suite, "testcase", classname=path, name=name)
            ElementTree.SubElement(case, "failure", type=Verdict.UNDECIDED.value, message=f"{name}: {UNCOMPARED}")
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("failures", str(failures))
    suite.set("errors", str(int(outcome.report is None)))
    suite.set("skipped", str(len(suite.findall("testcase/skipped"))))
    return suite
