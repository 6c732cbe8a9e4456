-- Shadow mode (DESIGN §12): our own path beside a legacy job, silently, and what a reviewer thinks of the two cutouts.

alter table jobs drop constraint jobs_kind_check;
alter table jobs add constraint jobs_kind_check
    check (kind in ('encode', 'apply_mask', 'remove', 'legacy_fetch', 'shadow'));

-- Nobody asked for it, nobody is told.
drop trigger jobs_deliveries on jobs;
create trigger jobs_deliveries after update of status on jobs
    for each row when (old.finished_at is null and new.finished_at is not null and new.kind <> 'shadow')
    execute function write_deliveries();


create table reviews (
    id uuid primary key references jobs on delete cascade,  -- the shadow job: its result has the figures and the picture
    legacy_job uuid not null unique references jobs on delete cascade,
    verdict text check (verdict in ('better', 'same', 'worse')),  -- our cutout against ClippingMagic's
    category text check (category in ('plain', 'hair', 'transparent', 'thin', 'low_contrast', 'other')),
    reviewer uuid references users on delete set null,
    reviewed_at timestamptz,
    check ((verdict is null) = (reviewed_at is null) and (verdict is null) = (category is null))
);
create index reviews_of_reviewer on reviews (reviewer) where reviewer is not null;

alter table reviews enable row level security;
revoke all on reviews from anon, authenticated;
grant select, insert, update, delete on reviews to service_role;
