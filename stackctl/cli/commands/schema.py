"""stackctl schema"""

from __future__ import annotations

import json

import click

from stackctl.spec.model import Stack
from stackctl.spec.output.json_schema import json_schema


@click.command("schema")
def command() -> int:
    """Print the JSON Schema of stack.toml, for editors

    Editors with Taplo (Even Better TOML in VS Code) complete, explain and check keys in a stack.toml whose first line names the
    schema: #:schema ./stack.schema.json

    \b
    Examples:
      stackctl schema > stack.schema.json
      taplo lint stack.toml
    """
    print(schema_text(), end="")
    return 0


def schema_text() -> str:
    """The schema as it is written to a file."""
    return json.dumps(json_schema(Stack), indent=2, ensure_ascii=False) + "\n"
