-- The ledger of credits (DESIGN §7, §12), idempotency keys (§9), and what admission control counts.

-- The apply or remove of this image that was charged; the others on it are free.
alter table images add column charged_job uuid references jobs;

-- Milli-credits that the job may cost, held from its creation to its end.
alter table jobs add column reserved integer not null default 0 check (reserved >= 0);
grant select (reserved) on jobs to authenticated;

-- Throughput, and with it how long a queue will take.
create index jobs_finished on jobs (queue, finished_at) where finished_at is not null;


-- Append-only. Available = granted - sum(spent) - sum(held); one entry of a kind for each job, whatever happens.
create table credit_entries (
    id uuid primary key default new_id(),
    user_id uuid not null references users,
    job_id uuid references jobs,
    entry_kind text not null check (entry_kind in ('reserve', 'settle', 'release')),
    held integer not null,   -- milli-credits: change of what is held for jobs under way
    spent integer not null,  -- milli-credits: change of what is gone for good
    created_at timestamptz not null default now(),
    unique (job_id, entry_kind)
);
create index credit_entries_of_user on credit_entries (user_id, id);

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'integrity_constraint_violation';
end $$;

create trigger credit_entries_append_only before update or delete on credit_entries
    for each row execute function refuse_change();


-- As triggers no way of creating or ending a job can forget the ledger, and both are one transaction.
create function reserve_credits() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    insert into credit_entries (user_id, job_id, entry_kind, held, spent)
    values (new.user_id, new.id, 'reserve', new.reserved, 0);
    return null;
end $$;

create trigger jobs_reserve after insert on jobs
    for each row when (new.reserved > 0) execute function reserve_credits();


create function settle_credits() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    if new.status = 'succeeded' then
        -- two jobs on one image wait for each other here; the second one is free
        update images set charged_job = new.id where id = new.image_id and charged_job is null;
        if found then
            new.credits := new.reserved;
        end if;
    end if;
    insert into credit_entries (user_id, job_id, entry_kind, held, spent) values (
        new.user_id, new.id, case new.status when 'succeeded' then 'settle' else 'release' end,
        -new.reserved, new.credits);
    return new;
end $$;

create trigger jobs_settle before update of status on jobs
    for each row when (old.finished_at is null and new.finished_at is not null and old.reserved > 0)
    execute function settle_credits();


create table idempotency_keys (
    user_id uuid not null references users,
    key text not null,
    fingerprint text not null,  -- sha256 of what was asked, the content of files included
    resource_id uuid,           -- what was made; null: the first request is still at it
    taken_at timestamptz not null default now(),
    primary key (user_id, key)
);
create index idempotency_keys_by_age on idempotency_keys (taken_at);


alter table credit_entries enable row level security;
alter table idempotency_keys enable row level security;
create policy own_rows on credit_entries for select to authenticated using (user_id = auth.uid());
revoke all on credit_entries, idempotency_keys from anon, authenticated;
grant select on credit_entries to authenticated;
