"""The directory through time, weekly limits of duty, and shifts and absences that were not in the company file."""

from alembic import op

from shared.ledger_ddl import statements

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

DDL = """
alter table staff add column duty_minutes integer check (duty_minutes > 0);
comment on column staff.duty_minutes is 'on duty in a week, at most';

alter table duty add column origin text not null default 'file' check (origin in ('file', 'command'));
alter table duty drop constraint duty_pkey;
alter table duty add primary key (office_id, staff_id, starts_at, ends_at, origin);
comment on column duty.origin is 'a company file changes its own shifts only';

alter table absences add column origin text not null default 'file' check (origin in ('file', 'command'));
alter table absences drop constraint absences_pkey;
alter table absences add primary key (staff_id, starts_at, ends_at, reason, origin);
comment on column absences.origin is 'a company file changes its own absences only';

create table directory_facts (
    kind       text not null check (kind in ('company', 'office', 'staff', 'shift', 'absence', 'cover', 'wish')),
    key        text not null,
    content    jsonb not null,
    valid_from timestamptz not null,
    valid_to   timestamptz,
    primary key (kind, key, valid_from),
    check (valid_to > valid_from)
);
create unique index directory_facts_standing on directory_facts (kind, key) where valid_to is null;
create index directory_facts_by_start on directory_facts (valid_from);
create index directory_facts_by_end on directory_facts (valid_to) where valid_to is not null;
comment on column directory_facts.content is 'as the company file would say it';
comment on column directory_facts.valid_to is 'when it ceased to stand, null: it stands';

insert into directory_facts
select s.kind, s.key, s.content, c.applied_at, null
  from company c
 cross join lateral (
       select 'company' as kind, 'company' as key, jsonb_build_object('name', c.name, 'home_region', c.home_region,
              'time_zone', c.time_zone, 'version', c.version) as content
       union all
       select 'office', o.id, jsonb_build_object('id', o.id, 'name', o.name, 'time_zone', o.time_zone, 'hours', o.hours,
              'calendar', o.calendar, 'days_off', o.days_off, 'working_days', o.working_days,
              'regions', coalesce((select jsonb_agg(region order by region) from office_regions
                                    where office_id = o.id and retired_at is null), '[]'))
         from offices o where o.retired_at is null
       union all
       select 'staff', id, jsonb_build_object('id', id, 'name', name, 'office', office_id, 'function', function,
              'weight', weight / 1000.0::float8, 'languages', languages, 'per_day', per_day, 'open_leads', open_leads,
              'notice_at', notice_at, 'duty_hours', duty_minutes / 60.0::float8)
         from staff where retired_at is null
       union all
       select 'shift', concat_ws('/', office_id, staff_id, to_jsonb(starts_at) #>> '{}', to_jsonb(ends_at) #>> '{}', origin),
              jsonb_build_object('office', office_id, 'staff', staff_id, 'starts_at', starts_at, 'ends_at', ends_at,
              'origin', origin)
         from duty where retired_at is null
       union all
       select 'absence', concat_ws('/', staff_id, to_jsonb(starts_at) #>> '{}', to_jsonb(ends_at) #>> '{}', reason, origin),
              jsonb_build_object('staff', staff_id, 'starts_at', starts_at, 'ends_at', ends_at, 'reason', reason,
              'origin', origin)
         from absences where retired_at is null
       ) s
"""


def upgrade() -> None:
    """What stands is known to stand since the last file was applied; what stood before is known to nobody."""
    for statement in statements(DDL):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("how the directory stood in the past is not known anywhere else")
