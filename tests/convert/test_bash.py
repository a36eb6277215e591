"""A script is read as bash would run it: the words of its docker commands, their places, and what cannot be known."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackctl.convert.bash.script import read
from stackctl.convert.bash.shell import ROUNDS
from stackctl.convert.unset import is_known, plain, toml_text, unset, without_marks


def argv(text: str, *arguments: str) -> list[list[str]]:
    return [
        [plain(word.text) for word in each.words[1:]] for each in read("run.sh", text, arguments).commands
    ]


def notes(text: str, *arguments: str) -> list[str]:
    return [f"{note.line}:{note.column}: {note.message}" for note in read("run.sh", text, arguments).notes]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("docker run -e A='x y' -e \"B=z w\" i", ["run", "-e", "A=x y", "-e", "B=z w", "i"]),
        ("docker run -e A=a\\ b -e 'C='\"d\"e i", ["run", "-e", "A=a b", "-e", "C=de", "i"]),
        ('docker run -e "Q=\\"q\\" \\$x \\n" i', ["run", "-e", 'Q="q" $x \\n', "i"]),
        ("docker run -e $'A=x\\ty' i", ["run", "-e", "A=x\ty", "i"]),
        ("docker run \\\n  -d \\\n  i", ["run", "-d", "i"]),
        ("docker run --network net\\\n-e A=b", ["run", "--network", "net-e", "A=b"]),
        ("docker run -e 'A=1\n 2' i", ["run", "-e", "A=1\n 2", "i"]),
        ('docker run -e "A=1\n 2" i', ["run", "-e", "A=1\n 2", "i"]),
        ("X=1 Y=$X; docker run i$Y", ["run", "i1"]),
        ("X='a b'; docker run $X \"$X\"", ["run", "a", "b", "a b"]),
        ('X=; docker run $X "$X" i', ["run", "", "i"]),
        ('docker run ${V:-a} "${V:-a b}" ${V:-c d} i', ["run", "a", "a b", "c", "d", "i"]),
        ("V=v; docker run ${V:-a} ${V:+b} ${V%v}c ${V^^} ${#V}", ["run", "v", "b", "c", "V", "1"]),
        ("F=a.b.c; docker run ${F%.*} ${F%%.*} ${F#*.} ${F##*.} ${F//./-} ${F:2:1}", ["run", "a.b", "a", "b.c", "c", "a-b-c", "b"]),
        ("docker run -v $(pwd)/x:/x -v `pwd`/y:/y i", ["run", "-v", "PWD/x:/x", "-v", "PWD/y:/y", "i"]),
        ("cd sub; docker run -v $PWD/x:/x -v ~/y:/y i", ["run", "-v", "PWD/sub/x:/x", "-v", "HOME/y:/y", "i"]),
        ("N=d; docker run -v $(pwd)/$N,z:/x i", ["run", "-v", "PWD/d,z:/x", "i"]),
        ("a=(x 'y z'); a+=(w); docker run \"${a[@]}\" ${a[1]} ${#a[@]}", ["run", "x", "y z", "w", "y", "z", "3"]),
        ('a=(x y z); i=1; docker run ${a[$i]} ${a[i]} "${a[$((i+1))]}" ${a[-1]} ${a[7]:-w} $a', ["run", "y", "y", "z", "z", "w", "x"]),
        ("docker run i > /dev/null a b 2>&1", ["run", "i", "a", "b"]),
        ("sudo -E docker run i", ["run", "i"]),
        ("A=b env C=d /usr/bin/docker run i", ["run", "i"]),
        ("docker run i; # docker run j", ["run", "i"]),
        ("cat <<E\ndocker run no\nE\ndocker run i", ["run", "i"]),
        ("docker run $((1 + 2 * 3)) $(seq 1 2) x{1..2}", ["run", "7", "1", "2", "x1", "x2"]),
        ("i=1; i=$(( $i + 1 )); docker run $i", ["run", "2"]),
        ("bash -c 'docker run i'", ["run", "i"]),
        ("$ docker run i", ["run", "i"]),
        ("docker run -d `\n  i", ["run", "-d", "i"]),
        ("docker run \ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"), ["run", "\U0001f600"]),
    ],
)  # fmt: skip
def test_words(line: str, words: list[str]) -> None:
    assert argv(line) == [words]


@pytest.mark.parametrize(
    ("script", "images"),
    [
        ("for n in a b 'c d'; do docker run $n; done", ["a", "b", "c"]),
        ("for n in {1..3}; do docker run i$n; done", ["i1", "i2", "i3"]),
        ("for n in {1..3,x}; do docker run i$n; done", ["i1..3", "ix"]),
        ('I=(a b); P=(1 2); for n in "${!I[@]}"; do docker run ${I[n]}${P[$n]}; done', ["a1", "b2"]),
        ("for ((i=1; i<=2; i++)); do docker run i$i; done", ["i1", "i2"]),
        ("i=1; while [ $i -lt 3 ]; do docker run i$i; i=$((i+1)); done", ["i1", "i2"]),
        ("f() { docker run $1; }; f a; f b", ["a", "b"]),
        (
            "if [ 1 -eq 2 ]; then docker run a; elif [ x = x ]; then docker run b; else docker run c; fi",
            ["b"],
        ),
        ("if docker inspect x; then docker run a; else docker run b; fi", ["b"]),
        ("docker ps | grep x && docker run a || docker run b", ["b"]),
        ('c=$(docker ps -aq); if test -z "$c"; then docker run a; else docker run b; fi', ["a"]),
        ("if [ -f x ]; then docker run a; else docker run b; fi", ["a", "b"]),
        ("case x in y) docker run a;; x|z) docker run b;; esac", ["b"]),
        ("true || docker run a; false && docker run b; false || docker run c", ["c"]),
        ("(cd x; docker run a) & docker run b", ["a", "b"]),
        ("exit 1; docker run a", ["a"]),
    ],
)
def test_what_is_run(script: str, images: list[str]) -> None:
    assert [words[1] for words in argv(script)] == images


def test_arguments_of_the_script() -> None:
    script = 'N=${1:-3}; docker run x$N "$@"; shift; docker run $# y$1'
    assert argv(script, "a", "b") == [["run", "xa", "a", "b"], ["run", "1", "yb"]]
    assert argv(script)[0] == ["run", "x3"]
    assert "$1 is an argument of the script" in notes(script)[-1]


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("x=1\nsleep 10", "2:1: sleep 10 is dropped: stackctl waits until a service is ready"),
        ("docker run -e U=$(nproc -a) i", "1:17: $(nproc -a) is not run: give its value in the variable NPROC_A"),
        ('export U="$(nproc)"\ndocker run $U', "1:11: $(nproc) is not run: give its value in the variable U"),
        ("A=(x y)\ndocker run ${A[@]:1}", "2:12: ${A[@]:1} is not run: give its value in the variable A_1"),
        ("declare -A A=([k]=v)\ndocker run ${A[k]}", "2:12: ${A[k]} is not run: give its value in the variable A_K"),
        ("source ./env.sh", "1:1: ./env.sh is not read: the variables that it sets belong into .env"),
        ("touch x", "1:1: touch: only docker commands are imported"),
        ("while read x; do docker run $x; done", "1:1: only the first 50 rounds of this loop are read"),
        ("if curl x; then docker run a; fi", "1:4: cannot tell whether `curl x` is true: every branch is imported"),
        ("docker run \\ \n  -d i", "1:12: a space stands after the backslash: the command ends here, with a word too many"),
        ("docker run \\ x i", "1:12: a word begins with an escaped space here: the space is left out"),
        ("docker run i\r\n", "1:13: lines end with a carriage return (Windows): bash takes it as part of the last word"),
        ("echo (", "1:6: bash does not understand this"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_noted_with_its_place(script: str, told: str) -> None:
    assert told in notes(script)


def test_the_file_that_stackctl_reads_as_well_needs_no_note() -> None:
    assert notes("source .env; . ./.env; docker run $X") == []


def test_a_loop_without_end_ends() -> None:
    assert len(argv("while true; do docker run i; done")) == ROUNDS
    assert "follows is not imported" in notes("f() { f; f; }; f; docker run i")[-1]


def test_a_variable_that_is_not_set_stays_a_variable() -> None:
    (command,) = read("run.sh", "docker run -e A=$DB:$$x i:${TAG:-15}").commands
    texts = [toml_text(word.text) for word in command.words]
    assert texts[-2].startswith("A=${DB}:")
    assert texts[-1] == "i:${TAG:-15}"


WORD = st.text(st.characters(blacklist_characters="\0\r", blacklist_categories=["Cs", "Co"]), max_size=12)


@given(st.lists(WORD, max_size=8))
def test_words_that_shlex_quotes_come_back(words: list[str]) -> None:
    assert argv(shlex.join(["docker", "run", *words])) == [["run", *words]]


@given(st.lists(WORD.map(without_marks), max_size=4), st.sampled_from(["\\\n", " ", "\t", " \\\n\t"]))
def test_the_way_between_words_does_not_matter(words: list[str], gap: str) -> None:
    line = f"{gap} ".join(["docker", "run", *map(shlex.quote, words)])
    assert argv(line) == [["run", *words]]


ATOMS = ["a", "b c", "'", '"', "\\", "${X}", "$(pwd)", "x y", "-e", "=", " ", "\t", "\\\n", "'q $X'", '"d $X"', "${Y}", '"$Y"', "~", "#", "{", "$'t\\t'", "${Z:-z z}"]  # fmt: skip


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash to compare with")
def test_quoting_is_that_of_bash(tmp_path: Path) -> None:
    """Lines of random parts: what bash itself hands to a program is what is read."""
    import random

    chosen = random.Random(8)
    lines = ["".join(chosen.choices(ATOMS, k=chosen.randint(1, 6))) for _ in range(400)]
    program = tmp_path / "docker"
    program.write_text('#!/usr/bin/env bash\nprintf "%s\\0" run "$@" >> "$OUT"; printf "\\1\\0" >> "$OUT"\n')
    program.chmod(0o755)
    different = []
    for line in lines:
        script = f"X='1 2'; Y=; docker i{line}\n"
        out = tmp_path / "out"
        out.write_bytes(b"")
        done = subprocess.run(
            ["bash", "-c", script],
            env={"PATH": f"{tmp_path}:/usr/bin:/bin", "OUT": str(out), "HOME": "/h"},
            cwd=tmp_path,
            capture_output=True,
        )
        if done.returncode or re.search(r"\\\n#|\\[ \t]", line):
            continue  # the grammar takes a # behind a continued line for a comment, and drops escaped spaces: a note tells
        wanted = out.read_bytes().decode().split("\0")[1:-2]
        found = [[word.text for word in each.words[1:]] for each in read("run.sh", script).commands]
        real = [
            [text.replace(unset("PWD"), str(tmp_path)).replace(unset("HOME"), "/h") for text in words]
            for words in found
        ]
        if real != [wanted]:
            different.append((line, wanted, real))
    assert different == [], json.dumps(different, indent=1)


def test_marks_cannot_come_from_outside() -> None:
    assert is_known(without_marks(unset("X")))
    assert argv(f"docker run {unset('X')}") == [["run", "?X?"]]
