"""Intake: a lead comes in, is made regular, and is recognised if it is known.

Hears: SubmitLead, SubmitRows, JudgeReview, MergeClients, SplitClients, UndoImport, RecallAnswered
Says: LeadAccepted, LeadRejected, ClientRegistered, ReviewJudged, JudgementRefused, ClientsMerged, ClientsSplit, LeadRecalled,
    CardWithdrawn
Keeps: imports, submissions, decisions, clients, contacts, client_keys, key_stats, receipts, reviews, judgements, merges
Rules: acceptance, arrival, call_script, company_city, company_form, company_name, company_words, compare,
    compare_names, domain, email, keys, match, merging, named_date, pairs, person_name, phone, placeholder, places,
    preview, questionnaire, recognition, region, regular, review, script, search_keys, site, submission, survivorship,
    taking_back, tax_id, weights
"""
