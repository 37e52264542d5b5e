"""Intake put together: which handler hears which command, which answer meets which question, and its door to the world."""

from __future__ import annotations

from services.intake import answers, audit, handlers, renewal, review, set_aside, store, tables, undo
from services.intake.http.server import entrance
from shared.commands import (
    JudgeAudit,
    JudgeReview,
    MergeClients,
    ReleaseReceipt,
    SettleProposal,
    SplitClients,
    SubmitLead,
    SubmitRows,
    UndoImport,
)
from shared.events import RecallAnswered
from shared.letterbox import Letterbox
from shared.questions import (
    CountIntakeProgress,
    ExplainRecognition,
    ListImports,
    ListMerges,
    ListProposals,
    ListRejectedRows,
    ListReviews,
    ListSetAside,
    LookupClient,
    PreviewRows,
    ReportAudit,
    ReportSources,
    ShowReview,
    TellKeys,
    TellUndo,
)
from shared.service import Room, Watch

ROOM = Room(
    name="intake",
    metadata=tables.metadata,
    handlers={
        SubmitLead: handlers.submit_leads,
        SubmitRows: handlers.submit_rows,
        JudgeReview: review.judge_reviews,
        MergeClients: review.merge_clients,
        SplitClients: review.split_clients,
        SettleProposal: review.settle_proposals,
        JudgeAudit: audit.judge_audits,
        ReleaseReceipt: set_aside.release_receipts,
        UndoImport: undo.undo_imports,
        RecallAnswered: undo.settle_recalls,
    },
    answers={
        CountIntakeProgress: answers.count_intake_progress,
        ListRejectedRows: answers.list_rejected_rows,
        ExplainRecognition: answers.explain_recognition,
        LookupClient: answers.lookup_client,
        TellKeys: answers.tell_keys,
        PreviewRows: answers.preview_rows,
        ListImports: answers.list_imports,
        TellUndo: answers.tell_undo,
        ReportSources: answers.report_sources,
        ListReviews: answers.list_reviews,
        ShowReview: answers.show_review,
        ListMerges: answers.list_merges,
        ListProposals: review.list_proposals,
        ReportAudit: audit.report_audit,
        ListSetAside: set_aside.list_set_aside,
    },
    watches=(
        Watch(step=undo.recall, every=1.0),
        Watch(step=renewal.renew_stored_keys, every=renewal.EVERY),
    ),
    measures={"oldest_receipt_seconds": store.oldest_receipt, "cards_to_renew": renewal.to_renew},
    entrance=entrance,
    letterbox=Letterbox(claim=store.claim_receipts, settle=store.settle_receipts),
)
