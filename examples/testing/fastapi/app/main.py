from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, FastAPI
from sqlmodel import Session, select

from app.db import engine
from app.models import Item

app = FastAPI()


def get_db() -> Iterator[Session]:
    with Session(engine) as session:
        yield session


Db = Annotated[Session, Depends(get_db)]


@app.get("/items/")
def read(db: Db) -> list[Item]:
    return list(db.exec(select(Item)))


@app.post("/items/")
def create(db: Db, item: Item) -> Item:
    db.add(item)
    db.commit()
    db.refresh(item)
    return item
