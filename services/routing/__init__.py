"""A lead finds its manager: the right person, evenly, and always explained.

Hears: ApplyCompany, LeadAccepted, ClientRegistered, ProcessOpened, LeadJoined, ProcessClosed, LeadRecalled,
    LeadWithdrawn, CardWithdrawn, ClientsMerged, ClientsSplit, SalesJoined, SalesParted
Says: OfficeChanged, StaffChanged, CompanyApplied, CompanyRefused, LeadAssigned, AssignmentRecalled, MergeRelayed,
    SplitRelayed
Keeps: company, offices, office_regions, staff, duty, absences, clients, merges, pools, ledger, fields, decisions
Rules: assignment, availability, caps, case, company, directory_changes, duty, existing_client, fair_share, fallback,
    field, finder, merged, moment, named_manager, presence, record, region, returning_caller, sharing, whole_list, wording
"""
