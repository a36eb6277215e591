from shop.settings import settings
from shop.visits import visit


def test_visits_are_counted():
    assert [visit("/"), visit("/")] == [1, 2]


def test_what_the_stack_does_not_have_comes_from_the_file():
    assert settings.currency == "EUR"
