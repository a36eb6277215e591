"""What each flag of `docker run` becomes in a stack.toml."""

import shlex
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stackctl.convert.bash.shell import Word
from stackctl.convert.docker.flags import BUILD, CONNECT, GLOBAL, NETWORK, RUN, VOLUME, divide
from stackctl.convert.docker.service import service_table


def table(line: str) -> tuple[dict[str, Any], list[str]]:
    """The table of a `docker run LINE i`, without its image, and the notes."""
    words = [Word(text, at) for at, text in enumerate([*shlex.split(line), "i"])]
    divided = divide(words, RUN)
    made = service_table(divided)
    assert made.values.pop("image") == "i"
    return made.values, [message for _, message in (*divided.wrong, *made.notes)]


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("-d --name x --rm", {}),
        ("-dit", {"stdin_open": True, "tty": True}),
        ("-t=false", {"tty": False}),
        ("-p 80", {"ports": ["0.0.0.0::80"]}),
        ("-p80:81", {"ports": ["0.0.0.0:80:81"]}),
        ("-p=80:81/udp", {"ports": ["0.0.0.0:80:81/udp"]}),
        ("-dp 3000:3000", {"ports": ["0.0.0.0:3000:3000"]}),
        ("-p 127.0.0.1:80:81 --publish=[::1]:1:2", {"ports": ["127.0.0.1:80:81", "[::1]:1:2"]}),
        ("-p 127.0.0.1::81", {"ports": ["127.0.0.1::81"]}),
        ("-p 8000-8010:8000-8010", {"ports": ["0.0.0.0:8000-8010:8000-8010"]}),
        ("-e A=b=c -e B= --env C", {"environment": {"A": "b=c", "B": "", "C": {"from_env": True}}}),
        ("-eA=b --env=C=d", {"environment": {"A": "b", "C": "d"}}),
        ("--env-file x.env", {"env_file": [{"path": "./x.env", "format": "raw"}]}),
        ("-v data:/d", {"volumes": ["data:/d"]}),
        ("-v /d", {"volumes": ["/d"]}),
        ("-v ../a:/a -v ..:/c", {"volumes": ["../a:/a", "..:/c"]}),
        ("-v ./a/../b:/d:ro,z", {"volumes": ["./b:/d:ro,z"]}),
        ("-v /a:/b:rshared", {"volumes": [{"type": "bind", "source": "/a", "target": "/b", "bind": {"propagation": "rshared"}}]}),
        ("--volume=/var/run/docker.sock:/var/run/docker.sock", {"volumes": ["/var/run/docker.sock:/var/run/docker.sock"]}),
        ("--mount type=bind,src=/a,dst=/b,readonly", {"volumes": ["/a:/b:ro"]}),
        ("--mount source=v,target=/b,volume-nocopy", {"volumes": ["v:/b:nocopy"]}),
        ("--mount type=tmpfs,destination=/t,tmpfs-size=64m,tmpfs-mode=1777", {"volumes": [{"type": "tmpfs", "target": "/t", "tmpfs": {"size": "64m", "mode": 0o1777}}]}),
        ("--tmpfs /t:size=1m", {"tmpfs": ["/t:size=1m"]}),
        ("--restart unless-stopped", {"restart": "unless-stopped"}),
        ("--restart=on-failure:3", {"restart": "on-failure:3"}),
        ("--restart= ", {}),
        ("-h a -u 1:2 -w /w --domainname d", {"hostname": "a", "user": "1:2", "working_dir": "/w", "domainname": "d"}),
        ("-h a -h b", {"hostname": "b"}),
        ("--entrypoint /e", {"entrypoint": ["/e"]}),
        ("--entrypoint ''", {"entrypoint": []}),
        ("-l a=b --label c", {"labels": {"a": "b", "c": ""}}),
        ("--add-host a:1.2.3.4 --add-host h:host-gateway", {"extra_hosts": {"a": "1.2.3.4", "h": "host-gateway"}}),
        ("--cap-add A --cap-drop B --privileged --read-only --init", {"cap_add": ["A"], "cap_drop": ["B"], "privileged": True, "read_only": True, "init": True}),
        ("--privileged=true", {"privileged": True}),
        ("--shm-size 1g --pids-limit 5 --stop-timeout 3 --stop-signal INT", {"shm_size": "1g", "pids_limit": 5, "stop_grace_period": "3s", "stop_signal": "INT"}),
        ("--dns 1.1.1.1 --expose 80 --pull always", {"dns": ["1.1.1.1"], "expose": ["80"], "pull_policy": "always"}),
        ("--health-cmd 'curl -f x' --health-interval=5s --health-retries 3", {"healthcheck": {"test": "curl -f x", "interval": "5s", "retries": 3}}),
        ("--no-healthcheck", {"healthcheck": {"disable": True}}),
        ("--", {}),
    ],
)  # fmt: skip
def test_flags(line: str, values: dict[str, Any]) -> None:
    assert table(line) == (values, [])


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ("--io-maxiops 9", "--io-maxiops 9 is not imported: this version of stackctl does not have it"),
        ("--use-api-socket", '--use-api-socket is not imported: mount the socket: volumes = ["/var/run/docker.sock:/var/run/docker.sock"]'),
        ("-P", "--publish-all is not imported: only the image knows its ports: write those that you need as ports"),
        ("--sig-proxy=false", "--sig-proxy is dropped: it only concerns the terminal of docker run"),
        ("--nmae=x", "docker has no flag --nmae here. did you mean 'name'?"),
        ("-name=x", "docker has no flag -n here."),
        ("-name", "docker has no flag -n here. Did you mean --name?"),
        ("-v a/b:/c", "'a/b' is no name of a volume: docker refuses it; ./a/b is meant"),
        ("-v a:/b:delegated", "the option 'delegated' of the volume 'a:/b:delegated' is not imported"),
        ("-e =x", "-e '=x' sets no variable: write NAME=value"),
    ],
)  # fmt: skip
def test_what_has_no_place_is_noted(line: str, note: str) -> None:
    assert table(line)[1] == [note]


def test_no_flag_of_docker_is_forgotten() -> None:
    """Every flag with a value becomes a key, belongs to the whole stack, or is noted."""
    elsewhere = {"name", "link", "network", "network-alias", "ip", "ip6", "link-local-ip"}
    for flag in RUN.values - elsewhere:
        values, noted = table(f"--{flag}=5")
        assert values or noted, flag


def test_flags_behind_the_image_belong_to_the_container() -> None:
    words = [Word(text, 0) for text in ["-d", "i:1", "-p", "80:80", "--name", "x"]]
    divided = divide(words, RUN)
    assert [option.name for option in divided.options] == ["detach"]
    assert [word.text for word in divided.words] == ["i:1", "-p", "80:80", "--name", "x"]


@pytest.mark.parametrize(
    ("grammar", "line", "options", "words"),
    [
        (BUILD, "-t a:1 -f D . --build-arg X=1", {"tag": "a:1", "file": "D", "build-arg": "X=1"}, ["."]),
        (NETWORK, "-d bridge --internal n", {"driver": "bridge", "internal": "true"}, ["n"]),
        (CONNECT, "--alias a n c", {"alias": "a"}, ["n", "c"]),
        (VOLUME, "--name v", {"name": "v"}, []),
        (GLOBAL, "-H h:1 run -d", {"host": "h:1"}, ["run", "-d"]),
    ],
)
def test_other_commands(grammar: Any, line: str, options: dict[str, str], words: list[str]) -> None:
    divided = divide([Word(text, 0) for text in line.split()], grammar)
    assert {option.name: option.value for option in divided.options} == options
    assert [word.text for word in divided.words] == words


VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=8)
FLAGS = st.one_of(
    st.tuples(st.sampled_from(sorted(RUN.values)), VALUES).map(lambda pair: (pair, [f"--{pair[0]}", pair[1]])),
    st.tuples(st.sampled_from(sorted(RUN.values)), VALUES).map(lambda pair: (pair, [f"--{pair[0]}={pair[1]}"])),
    st.tuples(st.sampled_from("epvluwhmac"), VALUES).map(lambda pair: ((RUN.short[pair[0]], pair[1].lstrip("=") or "x"), [f"-{pair[0]}", pair[1].lstrip("=") or "x"])),
    st.tuples(st.sampled_from("epvluwhmac"), VALUES).map(lambda pair: ((RUN.short[pair[0]], pair[1].lstrip("=") or "x"), [f"-{pair[0]}{pair[1].lstrip('=') or 'x'}"])),
    st.sampled_from(sorted(RUN.switches)).map(lambda name: ((name, "true"), [f"--{name}"])),
)  # fmt: skip


@given(st.lists(FLAGS, max_size=8), st.lists(VALUES, max_size=4))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_however_flags_are_written_they_are_read(flags: list[Any], arguments: list[str]) -> None:
    words = [word for _, written in flags for word in written]
    divided = divide([Word(text, 0) for text in [*words, "image", *arguments]], RUN)
    assert [(option.name, option.value) for option in divided.options] == [pair for pair, _ in flags]
    assert [word.text for word in divided.words] == ["image", *arguments]
    assert divided.wrong == ()
