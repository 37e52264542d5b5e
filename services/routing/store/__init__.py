"""Everything routing says to PostgreSQL while it assigns, learns and answers; each statement has its caption.

Locks are always taken in this order: company, clients, decisions, pools,
and within each in id order.
"""

from services.routing.store.clients import (
    clients_as_heard,
    clients_of,
    find_curators,
    forget_clients,
    left_behind,
    loads_of,
    save_clients,
    unknown_curators,
)
from services.routing.store.decisions import (
    decisions_about,
    moved_in,
    progress_of,
    received_in,
    remember,
)
from services.routing.store.directory import (
    directory,
    save_directory,
    whole_directory,
)
from services.routing.store.field import (
    field_of_play,
)
from services.routing.store.ledgers import (
    ledgers_as_they_stand,
    ledgers_of,
    mark_given_back,
    mark_given_back_for,
    retake_shares,
    save_ledgers,
    shares_of,
)
from services.routing.store.merges import (
    leads_of_curated,
    merges_of,
    note_merges,
    set_merges,
)

__all__ = [
    "clients_as_heard",
    "clients_of",
    "decisions_about",
    "directory",
    "field_of_play",
    "find_curators",
    "forget_clients",
    "leads_of_curated",
    "ledgers_as_they_stand",
    "ledgers_of",
    "left_behind",
    "loads_of",
    "mark_given_back",
    "mark_given_back_for",
    "merges_of",
    "moved_in",
    "note_merges",
    "progress_of",
    "received_in",
    "remember",
    "retake_shares",
    "save_clients",
    "save_directory",
    "save_ledgers",
    "set_merges",
    "shares_of",
    "unknown_curators",
    "whole_directory",
]
