"""A lead finds its manager: the right person, evenly, and always explained.

Hears: ApplyCompany, LeadAccepted, ClientRegistered, ProcessOpened, LeadJoined, ProcessClosed
Says: OfficeChanged, StaffChanged, CompanyApplied, CompanyRefused, LeadAssigned
Keeps: company, offices, office_regions, staff, duty, absences, clients, pools, ledger, fields, decisions
Rules: assignment, availability, case, company, directory_changes, duty, existing_client, fair_share, fallback, field,
    finder, named_manager, record, region, sharing, wording
"""
