import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.create_table(
        "orders", sa.Column("id", sa.Integer, primary_key=True), sa.Column("item", sa.Text, unique=True)
    )


def downgrade():
    op.drop_table("orders")
