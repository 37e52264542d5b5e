"""What intake does: it takes submissions in, one or many by the same path, and says whose each of them is."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import store
from services.intake.rules.submission import of_lead, of_rows
from services.intake.taking_in import take_in
from shared.commands import SubmitLead, SubmitRows
from shared.message import Batch, Said


async def submit_leads(leads: Batch[SubmitLead], db: AsyncConnection) -> Said:
    """Take single leads in: each ends as the lead of a client, or rejected with what is wrong with it (R0-10, R1-40)."""
    return await take_in([of_lead(heard, leads.now) for heard in leads], db, leads.now)


async def submit_rows(chunks: Batch[SubmitRows], db: AsyncConnection) -> Said:
    """Take rows of lists in, exactly as if each had come alone in that order (R1-07, R1-37)."""
    imports = {
        chunk.import_id: {
            "id": chunk.import_id,
            "file_name": chunk.file_name,
            "purpose": chunk.purpose,
            "source": chunk.source.value,
            "campaign": chunk.campaign,
            "submitter": chunk.submitter,
            "begun_at": chunks.now,
        }
        for chunk in reversed(chunks.map(lambda chunk: chunk))
    }
    await store.keep_imports(db, list(imports.values()))
    await store.undo_latecomers(db, list(imports))
    return await take_in([one for heard in chunks for one in of_rows(heard, chunks.now)], db, chunks.now)
