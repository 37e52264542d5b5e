"""Everything the process room says to PostgreSQL, each statement with its caption."""

from services.process.store.asked import (
    find_process,
    leads_of,
    moves_of,
    progress,
    sales_by_source,
    tasks_of,
    touches_of,
)
from services.process.store.directory import (
    offices,
    people,
    put_offices,
    put_staff,
)
from services.process.store.merges import (
    join_sale,
    last_task,
    leads_in,
    lock_clients,
    merges_of,
    move_sales,
    note_merges,
    open_sale_of,
    rejoin,
    replace_task,
    sales_from,
    set_merge,
    strays_of,
)
from services.process.store.opening import (
    Home,
    Row,
    open_or_find,
    put_leads,
)
from services.process.store.recall import (
    lock_recalled,
    withdraw,
)
from services.process.store.sales import (
    lock_sales,
    save,
)

__all__ = [
    "Home",
    "Row",
    "find_process",
    "join_sale",
    "last_task",
    "leads_in",
    "leads_of",
    "lock_clients",
    "lock_recalled",
    "lock_sales",
    "merges_of",
    "move_sales",
    "moves_of",
    "note_merges",
    "offices",
    "open_or_find",
    "open_sale_of",
    "people",
    "progress",
    "put_leads",
    "put_offices",
    "put_staff",
    "rejoin",
    "replace_task",
    "sales_by_source",
    "sales_from",
    "save",
    "set_merge",
    "strays_of",
    "tasks_of",
    "touches_of",
    "withdraw",
]
