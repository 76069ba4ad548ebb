"""The base of all tables: one naming convention, typed columns, no surprises."""

import enum
from datetime import datetime
from typing import Annotated
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Enum, Identity, MetaData
from sqlalchemy.orm import DeclarativeBase, mapped_column

from shared.clock import utcnow
from shared.ids import new_id

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Every table of the one database."""

    metadata = MetaData(naming_convention=NAMING)


Moment = Annotated[datetime, mapped_column(DateTime(timezone=True))]
Now = Annotated[datetime, mapped_column(DateTime(timezone=True), default=utcnow)]
OpaqueId = Annotated[UUID, mapped_column(primary_key=True, default=new_id)]
RowId = Annotated[int, mapped_column(BigInteger, Identity(), primary_key=True)]


def store_enum(kind: type[enum.StrEnum], name: str) -> Enum:
    """Store an enum by its value in a text column that a named CHECK keeps to the known words."""
    return Enum(
        kind,
        name=name,
        native_enum=False,
        create_constraint=True,
        values_callable=lambda members: [member.value for member in members],
        length=24,
    )
