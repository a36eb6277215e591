import pytest
from shop.db import Order
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError


@pytest.mark.parametrize("number", range(4))
def test_each_begins_without_orders(session, number):
    assert session.scalars(select(Order)).all() == []
    session.add(Order(item="apple"))
    session.commit()
    assert session.scalars(select(Order.item)).all() == ["apple"]


def test_what_fails_is_rolled_back_alone(session):
    session.add(Order(item="apple"))
    session.commit()
    session.add(Order(item="apple"))
    with pytest.raises(IntegrityError):
        session.commit()
    session.rollback()
    assert session.scalars(select(Order.item)).all() == ["apple"]
