"""What two builders said, and what is shown of it."""

from stackctl.engine.docker.images.build_output import BuildKitOutput, BuildOutput, ClassicOutput

BUILDKIT = """\
#0 building with "default" instance using docker driver
#1 [internal] load local bake definitions
#1 reading from stdin 241B done
#1 DONE 0.0s
#2 [internal] load build definition from Dockerfile
#2 transferring dockerfile: 231B done
#2 DONE 0.0s
#5 [1/3] FROM docker.io/library/python:3.11-slim
#5 DONE 0.1s
#6 [2/3] RUN echo hello
#6 CACHED
#7 [3/3] RUN apt-get install nosuchthing
#7 0.770 Reading package lists...
#7 1.336 Building dependency tree...
#7 1.340 E: Unable to locate package nosuchthing
#7 ERROR: process "/bin/sh -c apt-get install nosuchthing" did not complete successfully: exit code: 100
#8 [other 1/1] RUN sleep 9
#8 CANCELED
------
 > [3/3] RUN apt-get install nosuchthing:
0.770 Reading package lists...
1.336 Building dependency tree...
1.340 E: Unable to locate package nosuchthing
------
Dockerfile:3
--------------------
   3 | >>> RUN apt-get install nosuchthing
--------------------
ERROR: failed to solve: process "/bin/sh -c apt-get install nosuchthing" did not complete successfully: exit code: 100
"""
MISSING = """\
#6 [internal] load build context
#6 transferring context: 2B done
#7 [last 3/3] COPY nosuch /x
#7 ERROR: failed to calculate checksum of ref: "/nosuch": not found
------
 > [last 3/3] COPY nosuch /x:
------
ERROR: failed to solve: failed to compute cache key: failed to calculate checksum of ref: "/nosuch": not found
"""
SYNTAX = """\
#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 60B done
ERROR: failed to solve: dockerfile parse error on line 2: unknown instruction: RUNN
"""
CLASSIC = """\
Step 1/2 : FROM busybox
 ---> b14fa13dda0f
Step 2/2 : RUN echo one; echo the disk is full; exit 7
 ---> Running in 0a1b2c3d4e5f
one
the disk is full
Removing intermediate container 0a1b2c3d4e5f
"""


def shown(output: BuildOutput, text: str) -> list[str]:
    return [line for line in map(output.take, text.splitlines()) if line]


def test_buildkits_lines_are_shown_without_numbers_and_seconds() -> None:
    assert shown(BuildKitOutput(), BUILDKIT) == [
        'building with "default" instance using docker driver',
        "[internal] load build definition from Dockerfile",
        "transferring dockerfile: 231B done",
        "[1/3] FROM docker.io/library/python:3.11-slim",
        "[2/3] RUN echo hello",
        "[2/3] RUN echo hello: CACHED",
        "[3/3] RUN apt-get install nosuchthing",
        "Reading package lists...",
        "Building dependency tree...",
        "E: Unable to locate package nosuchthing",
        "[other 1/1] RUN sleep 9",
    ]


def failure(output: BuildOutput, text: str, said: str = "buildx ended with exit code 1") -> list[str]:
    shown(output, text)
    return output.failure(said).splitlines()


def test_what_failed_stands_first_and_its_last_lines_below() -> None:
    assert failure(BuildKitOutput(), BUILDKIT) == [
        "RUN apt-get install nosuchthing ended with 100: E: Unable to locate package nosuchthing",
        "Reading package lists...",
        "Building dependency tree...",
        "E: Unable to locate package nosuchthing",
    ]
    said = "The command '/bin/sh -c echo one; echo the disk is full; exit 7' returned a non-zero code: 7"
    assert failure(ClassicOutput(), CLASSIC, said) == [
        "RUN echo one; echo the disk is full; exit 7 ended with 7: the disk is full",
        "one",
        "the disk is full",
    ]


def test_what_failed_without_an_exit_code_says_why() -> None:
    assert failure(BuildKitOutput(), MISSING) == [
        'COPY nosuch /x: failed to calculate checksum of ref: "/nosuch": not found'
    ]
    said = "COPY failed: file not found in build context or excluded by .dockerignore: stat nosuch: file does not exist"
    assert failure(ClassicOutput(), "Step 2/2 : COPY nosuch /x", said) == [f"COPY nosuch /x: {said}"]


def test_what_failed_before_the_first_instruction() -> None:
    first, *rest = failure(BuildKitOutput(), SYNTAX)
    assert first == "dockerfile parse error on line 2: unknown instruction: RUNN"
    assert rest == ["[internal] load build definition from Dockerfile", "transferring dockerfile: 60B done"]
    assert failure(BuildKitOutput(), "") == ["buildx ended with exit code 1"]
    assert failure(ClassicOutput(), "", "Dockerfile parse error") == ["Dockerfile parse error"]


def test_an_instruction_that_says_nothing_and_one_that_is_long() -> None:
    silent = "#5 [2/2] RUN false\n#5 ERROR: executor failed running [/bin/sh -c false]: exit code: 1\n"
    assert failure(BuildKitOutput(), silent) == ["RUN false ended with 1"]
    long = f"Step 2/2 : RUN {'x' * 99}"
    assert failure(ClassicOutput(), long, "returned a non-zero code: 1") == [f"RUN {'x' * 55}… ended with 1"]


def test_only_the_last_lines_of_a_long_output_are_shown() -> None:
    text = (
        "#5 [2/2] RUN many\n" + "".join(f"#5 0.1 line {n}\n" for n in range(99)) + "#5 ERROR: exit code: 2\n"
    )
    first, *rest = failure(BuildKitOutput(), text)
    assert first == "RUN many ended with 2: line 98"
    assert rest == [f"line {n}" for n in range(79, 99)]


def test_what_runs_at_the_same_time_is_kept_apart() -> None:
    text = """\
#5 [a 2/2] RUN one
#6 [b 2/2] RUN two
#5 0.1 from one
#6 0.1 from two
#5 0.2 no space left
#6 0.2 all is well
#5 ERROR: exit code: 3
"""
    assert failure(BuildKitOutput(), text) == [
        "RUN one ended with 3: no space left",
        "from one",
        "no space left",
    ]
