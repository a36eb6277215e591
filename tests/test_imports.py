"""How the modules lean on each other, beyond the layers that import-linter checks."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

import grimp


def test_no_module_must_import_itself_in_a_circle() -> None:
    """Imports inside functions count; those for the type checker alone do not."""
    graph = grimp.build_graph("stackctl", exclude_type_checking_imports=True)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        raise AssertionError(" imports ".join(reversed(error.args[1]))) from None
