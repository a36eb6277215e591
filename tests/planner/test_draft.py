"""Writing a plan: numbers, what goes without saying, and what it says about itself."""

from stackctl.planner.steps.actions import RemoveVolume, WaitFor
from stackctl.planner.steps.facts import PortFree, Removed, Stopped
from stackctl.planner.steps.plan import Draft
from stackctl.spec.model import Condition

ACTION = RemoveVolume("data")


def test_steps_are_numbered_and_come_after_what_is_not_none() -> None:
    draft = Draft("shop")
    assert [draft.add(ACTION, "a"), draft.add(ACTION, "b", None, 1, None)] == [1, 2]
    assert [step.after for step in draft.plan().steps] == [frozenset(), {1}]


def test_what_goes_without_saying_is_left_out() -> None:
    draft = Draft()
    first = draft.add(ACTION, "")
    second = draft.add(ACTION, "", first)
    third = draft.add(ACTION, "", second)
    draft.add(ACTION, "", first, second, third)
    assert draft.plan().steps[-1].after == {third}


def test_but_not_where_only_an_optional_step_would_say_it() -> None:
    draft = Draft()
    first = draft.add(ACTION, "")
    optional = draft.add(ACTION, "", first, optional=True)
    draft.add(ACTION, "", first, optional)
    assert draft.plan().steps[-1].after == {first, optional}


def test_changes_and_losses() -> None:
    draft = Draft()
    draft.add(WaitFor("c", "c", Condition.ready), "")
    draft.add(ACTION, "asked to")
    draft.notes.append("by the way")
    plan = draft.plan()
    assert [step.id for step in plan.changes] == [2]
    assert plan.loses_data == ("data",)
    assert str(plan) == "#1 WaitFor c ready, \n#2 RemoveVolume data, asked to\nnote: by the way"


def test_a_step_comes_after_those_that_make_what_it_needs() -> None:
    draft = Draft()
    draft.add(ACTION, "", makes=[Stopped("a"), PortFree(80, "tcp")])
    draft.add(ACTION, "", makes=[PortFree(80, "tcp")])
    draft.add(ACTION, "", Stopped("a"), PortFree(80, "tcp"), makes=[Removed("a")])
    draft.add(ACTION, "", Stopped("a"), Removed("a"))
    assert [step.after for step in draft.plan().steps] == [frozenset(), frozenset(), {1, 2}, {3}]


def test_a_fact_that_no_step_so_far_makes_is_true_already() -> None:
    draft = Draft()
    draft.add(ACTION, "", Stopped("a"), None, makes=[Removed("a")])
    assert (draft.makes(Stopped("a")), draft.makes(Removed("a"))) == (False, True)
    draft.add(ACTION, "", Removed("b"), PortFree(80, "udp"))
    assert [step.after for step in draft.plan().steps] == [frozenset(), frozenset()]
