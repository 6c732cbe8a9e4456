-- Which jobs changed since somebody last looked, whatever the order of commits (DESIGN §9: nothing missed).

-- The transaction that last changed what a listener can see. A reader remembers its snapshot's xmin: every change that
-- it has not seen was made by a transaction at or above it. A timestamp or a sequence would lose late commits.
alter table jobs add column changed_in xid8 not null default pg_current_xact_id();
create index jobs_changed on jobs (changed_in);

create or replace function count_visible_change() returns trigger language plpgsql as $$
begin
    new.version := old.version + 1;
    new.changed_in := pg_current_xact_id();
    return new;
end $$;
