-- What each job took and cost (DESIGN §12): the proof of savings.

create table usage (
    job_id uuid primary key references jobs on delete cascade,
    user_id uuid not null references users on delete cascade,
    image_id uuid not null,
    kind text not null,
    engine text not null,
    engine_reason text,
    status text not null,
    preview boolean not null,
    embed_s double precision not null,   -- seconds of each kind of worker, all runs together
    mask_s double precision not null,
    legacy_s double precision not null,
    took_s double precision not null,    -- from asking to the end
    bytes_stored bigint not null,
    bytes_served bigint not null default 0,
    credits integer not null,            -- milli-credits
    cost_micros bigint not null,         -- micro-dollars
    ended_at timestamptz not null
);
create index usage_of_user on usage (user_id, ended_at);
create index usage_by_time on usage (ended_at);

-- By month (UTC), written anew every hour while the month lasts.
create table usage_months (
    month date not null,
    user_id uuid not null references users on delete cascade,
    engine text not null,
    cutouts integer not null,  -- images, however often they were cut out
    jobs integer not null,
    failed integer not null,
    worker_s double precision not null,
    bytes_stored bigint not null,
    bytes_served bigint not null,
    credits bigint not null,
    cost_micros bigint not null,
    primary key (month, user_id, engine)
);
create index usage_months_of_user on usage_months (user_id);


create function usage_of(job jobs) returns usage language sql stable as $$
    select job.id, job.user_id, job.image_id, job.kind, job.engine, job.engine_reason, job.status,
        coalesce((job.params ->> 'preview')::boolean, false),
        coalesce((job.worked ->> 'embed')::double precision, 0),
        coalesce((job.worked ->> 'mask')::double precision, 0),
        coalesce((job.worked ->> 'legacy')::double precision, 0),
        extract(epoch from job.finished_at - job.created_at)::double precision,
        coalesce((job.result ->> 'bytes')::bigint, (job.result -> 'embedding' ->> 'bytes')::bigint, 0),
        0::bigint, job.credits, job.cost_micros, job.finished_at
$$;

-- As a trigger no way of ending a job can forget it.
create function write_usage() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    insert into usage select (usage_of(new)).*;
    return null;
end $$;

create trigger jobs_usage after update of status on jobs
    for each row when (old.finished_at is null and new.finished_at is not null)
    execute function write_usage();

insert into usage select (usage_of(jobs)).* from jobs where finished_at is not null;


alter table usage enable row level security;
alter table usage_months enable row level security;
create policy own_rows on usage for select to authenticated using (user_id = auth.uid());
create policy own_rows on usage_months for select to authenticated using (user_id = auth.uid());
revoke all on usage, usage_months from anon, authenticated;
grant select on usage, usage_months to authenticated;
grant select, insert, update, delete on usage, usage_months to service_role;
