"""How the modules lean on each other, beyond the layers that import-linter checks."""

from __future__ import annotations

import ast
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp


def test_no_module_must_import_itself_in_a_circle() -> None:
    """Imports inside functions count; those for the type checker alone do not."""
    graph = grimp.build_graph("stackctl", exclude_type_checking_imports=True)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        raise AssertionError(" imports ".join(reversed(error.args[1]))) from None


def test_no_two_classes_must_have_one_name() -> None:
    """A name says which side it stands on: `Network` in the file, `DesiredNetwork`, `ObservedNetwork`."""
    names = Counter(
        node.name
        for path in (Path(__file__).parent.parent / "stackctl").rglob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, count in names.items() if count > 1] == []
