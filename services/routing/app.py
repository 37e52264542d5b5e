"""Routing put together: what it hears, what it answers."""

from __future__ import annotations

from services.routing import answers, handlers, merges, tables
from shared.commands import ApplyCompany
from shared.events import (
    CardWithdrawn,
    ClientRegistered,
    ClientsMerged,
    ClientsSplit,
    LeadAccepted,
    LeadJoined,
    LeadRecalled,
    LeadWithdrawn,
    ProcessClosed,
    ProcessOpened,
    SalesJoined,
    SalesParted,
)
from shared.questions import CountRoutingProgress, ExplainRouting, ListStaff, PreviewAssignment, ReportDistribution
from shared.service import Room

ROOM = Room(
    name="routing",
    metadata=tables.metadata,
    handlers={
        ApplyCompany: handlers.apply_company,
        LeadAccepted: handlers.assign_leads,
        ClientRegistered: handlers.learn_clients,
        ProcessOpened: handlers.note_opened,
        LeadJoined: handlers.note_joined,
        ProcessClosed: handlers.note_closed,
        LeadRecalled: handlers.pass_recalls,
        LeadWithdrawn: handlers.note_withdrawn,
        CardWithdrawn: handlers.forget_clients,
        ClientsMerged: merges.follow_merges,
        ClientsSplit: merges.follow_splits,
        SalesJoined: merges.note_sales_joined,
        SalesParted: merges.note_sales_parted,
    },
    answers={
        CountRoutingProgress: answers.count_routing_progress,
        ReportDistribution: answers.report_distribution,
        ExplainRouting: answers.explain_routing,
        ListStaff: answers.list_staff,
        PreviewAssignment: answers.preview_assignment,
    },
    watches=(),
)
