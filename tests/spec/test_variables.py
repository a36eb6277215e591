import tomllib

from stackctl.spec.text.interpolate import Lookup, Variables, variables
from stackctl.spec.text.variables import Mention, mentions

LOOKUP = Lookup((Variables("shell", {"A": "1"}), Variables(".env", {"A": "2", "B": ""})))


def test_every_variable_of_a_text() -> None:
    found = list(
        variables("$A ${B} ${C:-x} ${D-} ${E:?why} ${F:+${G:-$H}} $$I $${J} ${services.db.url} $ ${")
    )
    assert found == [
        ("A", None), ("B", None), ("C", "x"), ("D", ""), ("E", None), ("F", None), ("G", "$H"), ("H", None),
    ]  # fmt: skip


def test_what_is_mentioned_and_where_it_is_set() -> None:
    tree = tomllib.loads("""
        [services.web]
        image = "web:${TAG:-1}"
        command = ["$A", "plain"]
        environment = ["PASSED", "X=${B:-b}"]
        build = { context = ".", args = { ARG = { from_env = true } } }
        labels = { twice = "${TAG:-1} ${A:-d}" }
    """)
    assert mentions(tree, LOOKUP) == (
        Mention("A", "1", "shell", None),
        Mention("ARG", None, None, None),
        Mention("B", "", ".env", "b"),
        Mention("PASSED", None, None, None),
        Mention("TAG", None, None, "1"),
    )


def test_values_stay_out_of_sight() -> None:
    assert "1" not in repr(Mention("A", "1", "shell", None))
