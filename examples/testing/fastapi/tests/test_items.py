from app.models import Item
from fastapi.testclient import TestClient
from sqlmodel import Session


def test_an_item_is_kept(client: TestClient, db: Session) -> None:
    made = client.post("/items/", json={"title": "apple"}).json()
    assert made in client.get("/items/").json()
    item = db.get(Item, made["id"])
    assert item
    assert item.title == "apple"
