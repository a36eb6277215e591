"""stackctl completion"""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from stackctl.cli import cli

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_STACKCTL_COMPLETE"


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> int:
    """Print the completion script of a shell

    It completes commands, options, and the services of the stack you stand in.

    \b
    Install:
      bash   echo 'eval "$(stackctl completion bash)"' >> ~/.bashrc
      zsh    echo 'eval "$(stackctl completion zsh)"' >> ~/.zshrc
      fish   stackctl completion fish > ~/.config/fish/completions/stackctl.fish
    """
    completion = get_completion_class(shell)
    assert completion is not None
    print(completion(cli, {}, "stackctl", VARIABLE).source())
    return 0
