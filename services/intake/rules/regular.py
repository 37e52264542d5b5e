"""How does a raw record become six regular keys? Each cell by its rule, what stands in a wrong cell moved (MATCHING §1)."""

from __future__ import annotations

import re

from services.intake.rules import company_name, email, person_name, phone, site, tax_id
from services.intake.rules.keys import RegularLead
from services.intake.rules.placeholder import is_placeholder
from shared.commands import LeadFields

_ADDRESS = re.compile(r"<?(?:mailto:)?[\w.+-]+\s?@\s?[\w.-]+\.\w{2,}>?", re.IGNORECASE)
_NUMBER = re.compile(
    r"(?:(?:тел|моб|раб|сот|факс|tel|mob|phone|т|м)[.:]*\s*)?(?<![\d\w])\+?\d[\d\s().-]{4,}\d(?:[\s,]*(?:доб|вн|ext)[\s.]*\d+)?",
    re.IGNORECASE,
)
_DIGIT = re.compile(r"\d")
_LEFT_OVER = " \t,;:/|-–—<>\"'"
ENOUGH_DIGITS = 6


def make_regular(fields: LeadFields, country: str = "RU") -> RegularLead:
    """All six keys of a record, its tax number and the contact to show; `country` tells how phones are written (ISO 3166-1).

    Flags are those of the normalisers with their cell before them (`phone:tail`), and `moved:<cell>-><cell>`.
    """
    flags: list[str] = []
    company, contact, phones, fax = fields.company, fields.contact, fields.phone, fields.fax
    mails, web, tax = fields.email, fields.website, fields.tax_id

    moved_mails: list[str] = []
    if "@" in web:
        web = _move_addresses("website", web, moved_mails, flags)
    if "@" in phones:
        phones = _move_addresses("phone", phones, moved_mails, flags)
    if "@" in fax:
        fax = _move_addresses("fax", fax, moved_mails, flags)
    if "@" in contact:
        contact = _move_addresses("contact", contact, moved_mails, flags)
    if "@" in company:
        company = _move_addresses("company", company, moved_mails, flags)

    numbers = phones
    if contact and _DIGIT.search(contact):
        contact, found = _move_numbers(contact)
        if found:
            flags.append("moved:contact->phone")
            numbers = "; ".join([numbers, *found] if numbers else found)
    boxes, mail_flags = email.normalise("; ".join([mails, *moved_mails]) if moved_mails else mails)
    if mails and not boxes and "@" not in mails and not is_placeholder(mails):
        mails, web, numbers = _empty_mail_cell(mails, web, numbers, flags, country)
        mail_flags = () if not mails else mail_flags

    found_phones, phone_flags = phone.normalise(numbers, country)
    if fax:
        faxes, fax_flags = phone.normalise(fax, country)
        known = {(one.e164, one.local) for one in found_phones}
        found_phones += tuple(one for one in faxes if (one.e164, one.local) not in known)
        flags += [f"fax:{flag}" for flag in fax_flags]
    sites, site_flags = site.normalise(web)
    name, company_flags = company_name.normalise(company)
    if not tax and "tax_id" in company_flags:
        tax = company
        flags.append("moved:company->tax_id")
    number, tax_flags = tax_id.normalise(tax) if tax else ("", ())
    surnames, contact_flags = person_name.normalise(contact)
    if contact:
        contact = "" if not surnames and is_placeholder(contact) else " ".join(contact.split())
    for cell, told in (
        ("company", company_flags),
        ("contact", contact_flags),
        ("phone", phone_flags),
        ("email", mail_flags),
        ("website", site_flags),
    ):
        if told:
            flags += [f"{cell}:{flag}" for flag in told]
    flags += tax_flags
    return RegularLead(
        company=name,
        surnames=surnames,
        phones=found_phones,
        mailboxes=boxes,
        sites=sites,
        tax_id=number,
        contact=contact,
        flags=tuple(flags),
    )


def _move_addresses(cell: str, text: str, moved: list[str], flags: list[str]) -> str:
    found = _ADDRESS.findall(text)
    if not found:
        return text
    moved += found
    flags.append(f"moved:{cell}->email")
    return _ADDRESS.sub(" ", text).strip(_LEFT_OVER)


def _move_numbers(contact: str) -> tuple[str, list[str]]:
    """The contact without the telephone numbers in it, and those numbers."""
    found = [
        match.group() for match in _NUMBER.finditer(contact) if sum(map(str.isdigit, match.group())) >= ENOUGH_DIGITS
    ]
    for number in found:
        contact = contact.replace(number, " ", 1)
    return contact.strip(_LEFT_OVER), found


def _empty_mail_cell(mails: str, web: str, numbers: str, flags: list[str], country: str) -> tuple[str, str, str]:
    """An e-mail cell without an address holds a site or a telephone number, or nothing that can be used."""
    if site.normalise(mails)[0]:
        flags.append("moved:email->website")
        return "", f"{web}; {mails}" if web else mails, numbers
    if sum(map(str.isdigit, mails)) >= ENOUGH_DIGITS and phone.normalise(mails, country)[0]:
        flags.append("moved:email->phone")
        return "", web, f"{numbers}; {mails}" if numbers else mails
    flags.append("email:not_an_email")
    return mails, web, numbers
