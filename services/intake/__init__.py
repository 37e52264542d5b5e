"""Intake: a lead comes in, is made regular, and is recognised if it is known.

Hears: SubmitLead, SubmitRows
Says: LeadAccepted, LeadRejected, ClientRegistered
Keeps: imports, submissions, decisions, clients, contacts, client_keys, key_stats
Rules: acceptance, company_city, company_form, company_name, company_words, compare, compare_names, domain, email, keys, match, pairs, person_name,
    phone, placeholder, places, recognition, region, regular, script, search_keys, site, submission, survivorship, tax_id, weights
"""
