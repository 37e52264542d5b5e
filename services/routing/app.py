"""Routing put together: what it hears, what it answers."""

from __future__ import annotations

from services.routing import answers, handlers, tables
from shared.commands import ApplyCompany
from shared.events import ClientRegistered, LeadAccepted, LeadJoined, ProcessClosed, ProcessOpened
from shared.questions import CountRoutingProgress, ExplainRouting, ListStaff, ReportDistribution
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
    },
    answers={
        CountRoutingProgress: answers.count_routing_progress,
        ReportDistribution: answers.report_distribution,
        ExplainRouting: answers.explain_routing,
        ListStaff: answers.list_staff,
    },
    watches=(),
)
