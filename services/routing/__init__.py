"""A lead finds its manager: the right person, evenly, and always explained.

Hears: ApplyCompany, EnterRoster, EnterAbsence, WithdrawAbsence, ChangeStaff, LeadAccepted, ClientRegistered,
    ProcessOpened, LeadJoined, ProcessClosed, LeadRecalled, LeadWithdrawn, CardWithdrawn, ClientsMerged, ClientsSplit,
    SalesJoined, SalesParted, TransferClient, DismissStaff, HandoverOffice, UndoMove, MoveFollowed, MoveReturned,
    AcceptLead, DeclineLead, AnswerDue, TouchRecorded, StageMoved, HandOnAnswered, SetPresence, OpenFeed, RevokeFeed
Says: OfficeChanged, StaffChanged, CompanyApplied, CompanyRefused, DirectoryChanged, DirectoryRefused, DutyGapsFound,
    LeadAssigned, AssignmentRecalled, MergeRelayed, SplitRelayed, MoveBegun, MoveRefused, ClientMoved, MoveFinished,
    MoveRecalled, MoveUndone, LeadHandedOn, AssignmentAnswered, AssignmentReopened, AnswerRefused, PresenceSaid,
    PresenceRefused, FeedOpened, FeedRevoked, FeedRefused
Keeps: company, offices, office_regions, staff, duty, absences, directory_facts, gaps_told, presence, presence_mark,
    presence_said, clients, meetings, feeds, merges, moves, moved, pools, ledger, fields, decisions
Rules: acceptance, altered, assignment, availability, caps, case, company, directory_changes, duty, existing_client,
    fair_share, fallback, feed, field, finder, meeting, meeting_in_sale, meeting_retold, merged, moment, moving,
    moving_diary, moving_file, moving_owner, moving_rights, named_manager, presence, record, region, retold,
    returning_caller, roster_board, roster_cover, roster_load, roster_make, roster_search, roster_shares, roster_wishes,
    roster_words, sharing, tally, whole_list, wording
"""
