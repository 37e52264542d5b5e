"""Intake: a lead comes in, is made regular, and is recognised if it is known.

Hears: SubmitLead, SubmitRows, JudgeReview, MergeClients, SplitClients, SettleProposal, JudgeAudit, ReleaseReceipt,
    UndoImport, RecallAnswered
Says: LeadAccepted, LeadRejected, ContactKept, EntryDelayed, ClientRegistered, ReviewJudged, JudgementRefused,
    MergeProposed, ProposalSettled, JoinAudited, ReceiptReleased, ClientsMerged, ClientsSplit, LeadRecalled, CardWithdrawn,
    WrongJoinSettled
Keeps: imports, import_tallies, submissions, decisions, clients, contacts, client_keys, key_stats, receipts, reviews,
    judgements, merges, proposals, audits, early_contacts, early_contact_keys, early_contact_joins, entry_policies
Rules: acceptance, agreed_meeting, arrival, audit, call_script, company_city, company_form, company_name, company_words,
    compare, compare_names, domain, early_contact, email, four_eyes, keys, match, merging, moments, named_date, pairs,
    person_name, phone, placeholder, places, preview, questionnaire, recognition, region, regular, renewal, review,
    script, search_keys, site, submission, survivorship, taking_back, tax_id, weights
"""
