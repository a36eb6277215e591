"""stackctl up"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import click
from msgspec.structs import replace

from stackctl.cli.global_options import GlobalOptions
from stackctl.cli.options import complete_services, lock_timeout_option, pass_options, services_argument
from stackctl.cli.plan_options import check_planning_options, planning_options


@click.command("up")
@services_argument
@planning_options
@click.option(
    "-d", "--detach", is_flag=True, help="Accepted for Compose's sake: up always returns when all is ready."
)
@click.option("--wait", is_flag=True, help="Accepted for Compose's sake: up always waits.")
@click.option(
    "-y", "--yes", is_flag=True, help="Accepted for Compose's sake: up never asks.", expose_value=False
)
@click.option(
    "--data-from",
    metavar="SOURCE",
    default="",
    help="Fill volumes that have no data yet from a snapshot, or from another project.",
)
@click.option("--dry-run", is_flag=True, help="Show what it would do, as plan does.")
@click.option("--follow", is_flag=True, help="Stay with the logs; Ctrl-C stops the stack.")
@click.option(
    "--watch", is_flag=True, help="Stay with the logs, and keep containers in step with their files."
)
@click.option("--quiet-pull", is_flag=True, help="Show no progress of pulls.")
@click.option("--quiet-build", is_flag=True, help="Show no output of builds; one that fails says why.")
@click.option(
    "--abort-on-container-exit",
    "abort",
    flag_value="exit",
    default="",
    help="Stay; once a container ends, stop all, and exit with its code.",
)
@click.option(
    "--abort-on-container-failure",
    "abort",
    flag_value="failure",
    help="Stay; once a container fails, stop all, and exit with its code.",
)
@click.option(
    "--exit-code-from",
    metavar="SERVICE",
    default="",
    shell_complete=complete_services,
    help="Exit with this service's code; implies --abort-on-container-exit.",
)
@click.option(
    "--attach",
    multiple=True,
    metavar="SERVICE",
    shell_complete=complete_services,
    help="Stay, and show the output of these alone.",
)
@click.option(
    "--no-attach",
    multiple=True,
    metavar="SERVICE",
    shell_complete=complete_services,
    help="Stay, and show no output of these.",
)
@click.option(
    "--attach-dependencies", is_flag=True, help="Stay, and show also what the named services depend on."
)
@click.option("--timestamps", is_flag=True, help="Before each line of output, its time.")
@click.option(
    "--no-log-prefix", is_flag=True, help="Without the container's name before each line of output."
)
@click.option(
    "--rollback/--no-rollback",
    default=False,
    envvar="STACKCTL_ROLLBACK",
    help="After a failure, all is as it was before.",
)
@click.option(
    "--timeline",
    "show_timeline",
    is_flag=True,
    help="Then show what took how long, and why; stackctl timeline shows it later.",
)
@click.option(
    "--for",
    "life",
    metavar="TIME",
    help="How long the stack is wanted, such as 2h; then gc takes it. 0s: without an end.",
)
@lock_timeout_option
@pass_options
def command(
    options: GlobalOptions,
    /,
    services: tuple[str, ...],
    lock_timeout: float,
    detach: bool,
    wait: bool,
    quiet_pull: bool,
    quiet_build: bool,
    data_from: str,
    dry_run: bool,
    follow: bool,
    watch: bool,
    abort: str,
    exit_code_from: str,
    attach: tuple[str, ...],
    no_attach: tuple[str, ...],
    attach_dependencies: bool,
    timestamps: bool,
    no_log_prefix: bool,
    rollback: bool,
    show_timeline: bool,
    life: str | None,
    **planning: Any,
) -> int:
    """Bring the stack up and wait until all is ready

    Pulls and builds what is missing, creates and starts what is not there, recreates what changed, and leaves everything else
    alone. Mistakes in stack.toml, busy ports and the like are reported before anything is done.

    \b
    Examples:
      stackctl up                     everything
      stackctl up api                 api and what it depends on
      stackctl up --build             after the code changed
      stackctl up --scale api=3       three containers of api
      stackctl up --watch             and then with the changes of your files
      stackctl up --timeline          and show what took how long
      stackctl up --exit-code-from tests     until the tests have ended
      stackctl up --data-from shop    new volumes get the data that project shop has
      stackctl up --for 2h            gc takes it in two hours, unless up --for is run again
      stackctl --profile debug up     with the services of a profile
    """
    check_planning_options(planning)
    if attach and attach_dependencies:
        raise click.UsageError("--attach and --attach-dependencies exclude each other")
    asked = {
        "--follow": follow,
        "--watch": watch,
        "--abort-on-container-exit": abort == "exit",
        "--abort-on-container-failure": abort == "failure",
        "--exit-code-from": exit_code_from,
        "--attach": attach,
        "--no-attach": no_attach,
        "--attach-dependencies": attach_dependencies,
    }
    stays = next((option for option, given in asked.items() if given), "")
    if stays and (detach or wait):
        raise click.UsageError(f"{stays} stays, --detach and --wait return: choose one")
    if stays and planning["no_start"]:
        raise click.UsageError(f"{stays} shows what runs, and --no-start starts nothing: choose one")
    from stackctl.cli.settings import Settings

    if data_from and dry_run:
        raise click.UsageError("--data-from copies data, --dry-run changes nothing: choose one")
    settings = Settings.of(options)
    stack = settings.load_asked(
        services,
        strict=planning["strict"],
        dependencies=not planning["no_deps"],
        scale=planning["scale"],
    )
    staying = None
    if stays:
        from stackctl.cli.attached import Staying

        staying = Staying(
            attach=attach,
            hide=no_attach,
            dependencies=attach_dependencies,
            abort=abort or ("exit" if exit_code_from else ""),  # type: ignore[arg-type]
            exit_code_from=exit_code_from,
            prefix=not no_log_prefix,
            timestamps=timestamps,
        )
        staying.check(stack)
    settings.engine().expect()
    from stackctl.cli.plan_arguments import plan_arguments  # they are loaded while the engine answers

    arguments = plan_arguments(settings, services, planning)
    if rollback:
        arguments["options"] = replace(arguments["options"], rollback=True)
    if life is not None:
        from stackctl.cli.life import with_life

        arguments = with_life(arguments, life)
    if dry_run:
        from stackctl.cli.commands.plan import show

        return show(settings, stack, arguments)
    from stackctl.cli.up_run import run_up
    from stackctl.planner.steps.actions import BuildImage, PullImage

    unseen = (*((PullImage,) if quiet_pull else ()), *((BuildImage,) if quiet_build else ()))
    with ExitStack() as watches:
        if staying and watch:
            from stackctl.cli.watched import watching

            watched = watching(
                settings,
                stack,
                arguments["selection"],
                services,
                lock_timeout=lock_timeout,
                quiet=quiet_build,
            )
            staying = replace(staying, watched=watches.enter_context(watched))
        if not data_from:
            return run_up(
                settings,
                stack,
                arguments,
                lock_timeout=lock_timeout,
                staying=staying,
                unseen=unseen,
                show_timeline=show_timeline,
            )
        from stackctl.cli.data_from import up_with_data

        return up_with_data(
            settings,
            stack,
            arguments,
            data_from,
            lock_timeout=lock_timeout,
            staying=staying,
            unseen=unseen,
            show_timeline=show_timeline,
        )
