import pytest
from django.db import connection, transaction
from django.test import TestCase
from shop.models import Order


@pytest.mark.django_db
@pytest.mark.parametrize("item", ["apple", "pear"])
def test_an_order_is_shown(client, item):
    assert client.post("/orders/", {"item": item}).json() == {"orders": [item]}


@pytest.mark.django_db(transaction=True)
def test_what_is_committed_is_there():
    with transaction.atomic():
        Order.objects.create(item="plum")
    connection.close()
    assert Order.objects.count() == 1


class Orders(TestCase):
    def test_there_are_none(self):
        assert not Order.objects.exists()
