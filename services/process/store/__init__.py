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
from services.process.store.handing_on import (
    hand_on,
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
    survivors_of,
)
from services.process.store.moving import (
    hold_open_sales,
    move_sales_to,
    moved_sales_of,
    note_returned,
    opened_since,
    remember_moved,
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
    "hand_on",
    "hold_open_sales",
    "join_sale",
    "last_task",
    "leads_in",
    "leads_of",
    "lock_clients",
    "lock_recalled",
    "lock_sales",
    "merges_of",
    "move_sales",
    "move_sales_to",
    "moved_sales_of",
    "moves_of",
    "note_merges",
    "note_returned",
    "offices",
    "open_or_find",
    "open_sale_of",
    "opened_since",
    "people",
    "progress",
    "put_leads",
    "put_offices",
    "put_staff",
    "rejoin",
    "remember_moved",
    "replace_task",
    "sales_by_source",
    "sales_from",
    "save",
    "set_merge",
    "strays_of",
    "survivors_of",
    "tasks_of",
    "touches_of",
    "withdraw",
]
