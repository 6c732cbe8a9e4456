-- Users, images, embeddings, jobs (DESIGN §7, §8), and what a Supabase client may see of them.

-- Supabase brings these; elsewhere they are made here so that the policies below mean the same everywhere.
do $$
declare
    supabase_role text;
begin
    foreach supabase_role in array array['anon', 'authenticated', 'service_role'] loop
        begin
            execute format('create role %I nologin', supabase_role);
        exception when duplicate_object or unique_violation then
            null;  -- unique_violation: another database of this server is being migrated right now
        end;
    end loop;
end $$;

create schema if not exists auth;
grant usage on schema auth to anon, authenticated, service_role;

do $$
begin
    if to_regprocedure('auth.uid()') is null then
        create function auth.uid() returns uuid language sql stable as $fn$
            select nullif(coalesce(
                nullif(current_setting('request.jwt.claim.sub', true), ''),
                nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
            ), '')::uuid
        $fn$;
    end if;
end $$;

grant usage on schema public to anon, authenticated;


create table users (
    id uuid primary key,  -- Supabase's auth id
    email text,
    created_at timestamptz not null default now()
);


create table images (
    id uuid primary key,  -- UUIDv7: order of ids is order of time
    user_id uuid not null references users,
    storage_key text not null,
    working_key text,  -- null until somebody needed the working image
    sha256 text not null,
    width integer not null check (width > 0),    -- ImageSpace: after EXIF orientation
    height integer not null check (height > 0),
    format text not null,
    bytes bigint not null check (bytes > 0),
    filename text,
    created_at timestamptz not null default now(),
    expires_at timestamptz,  -- null: kept until deleted
    deleted_at timestamptz,  -- a tombstone: jobs and the ledger still point here
    purged_at timestamptz    -- its files are gone as well
);
create index images_of_user on images (user_id, id desc) where deleted_at is null;
create index images_to_purge on images (deleted_at) where deleted_at is not null and purged_at is null;
create index images_expiring on images (expires_at) where deleted_at is null and expires_at is not null;


create table embeddings (
    image_id uuid not null references images,
    model text not null,
    revision text not null,
    codec text not null,
    storage_key text not null,
    bytes bigint not null,
    proposal jsonb,  -- the automatic subject: mask_key, score, box, points; null: not asked for, or none found
    proposed boolean not null default false,  -- the automatic subject was looked for
    created_at timestamptz not null default now(),
    primary key (image_id, model, revision)
);


create table jobs (
    id uuid primary key,  -- UUIDv7
    user_id uuid not null references users,
    batch_id uuid,
    kind text not null check (kind in ('encode', 'apply_mask', 'remove')),
    status text not null default 'queued'
        check (status in ('queued', 'processing', 'succeeded', 'failed', 'canceled')),
    engine text not null default 'sam2',
    model text not null,
    image_id uuid not null references images,
    params jsonb not null,
    result jsonb,
    result_key text,
    result_expires_at timestamptz,
    error jsonb,
    timings jsonb not null default '{}',

    queue text not null,
    priority smallint not null default 0,
    turn bigint not null,  -- fairness: see next_turn
    progress real not null default 0 check (progress between 0 and 1),
    fence integer not null default 0,     -- rises with every claim; who finishes must hold the present one
    attempt smallint not null default 0,  -- coded retryable errors so far
    crashes smallint not null default 0,  -- leases lost to dead workers so far
    run_after timestamptz not null default now(),
    lease_until timestamptz,
    deadline timestamptz not null,
    announced_at timestamptz,  -- Redis was told; null: to be told at once
    worker text,
    webhook jsonb,
    credits integer not null default 0,  -- milli-credits charged
    cost_micros bigint not null default 0,
    request_id text,
    version bigint not null default 1,  -- rises with every change a listener can see; the id of its event
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,

    check ((status = 'processing') = (lease_until is not null)),
    check ((status in ('succeeded', 'failed', 'canceled')) = (finished_at is not null)),
    check ((status = 'failed') = (error is not null)),
    check (status <> 'succeeded' or result is not null)
);
create index jobs_ready on jobs (queue, priority desc, turn, id) where status = 'queued';
create index jobs_waiting_of_user on jobs (user_id, queue, priority, turn) where status = 'queued';
create index jobs_leased on jobs (queue, user_id, lease_until) where status = 'processing';
create index jobs_of_user on jobs (user_id, id desc);
create index jobs_of_image on jobs (image_id, id desc);
create index jobs_result_expiring on jobs (result_expires_at)
    where result_key is not null and result_expires_at is not null;


-- Fair turns (start-time fair queueing, Goyal 1996, every job of length 1): a user's jobs take consecutive turns,
-- a newcomer starts at the turn that is being served. 4,000 photos of one shop delay another shop's photo by one job.
create function next_turn(for_user uuid, in_queue text, with_priority smallint) returns bigint
language sql stable as $$
    select greatest(
        (select max(turn) + 1 from jobs
         where user_id = for_user and queue = in_queue and priority = with_priority and status = 'queued'),
        (select min(turn) from jobs
         where queue = in_queue and priority = with_priority and status = 'queued'),
        0
    )
$$;


create function count_visible_change() returns trigger language plpgsql as $$
begin
    new.version := old.version + 1;
    return new;
end $$;

create trigger jobs_version before update of status, progress, result, error, queue on jobs
    for each row execute function count_visible_change();


-- A Supabase client with the user's JWT may read its own rows, and of them nothing that opens a door:
-- no storage keys, no webhook secrets. Everything else goes through the API, whose role owns the tables.
alter table users enable row level security;
alter table images enable row level security;
alter table embeddings enable row level security;
alter table jobs enable row level security;

create policy own_row on users for select to authenticated using (id = auth.uid());
create policy own_rows on images for select to authenticated using (user_id = auth.uid() and deleted_at is null);
create policy own_rows on embeddings for select to authenticated
    using (exists (select 1 from images where images.id = image_id and images.user_id = auth.uid()));
create policy own_rows on jobs for select to authenticated using (user_id = auth.uid());

-- Supabase grants everything on new tables to its roles by default; take that back first.
revoke all on users, images, embeddings, jobs from anon, authenticated;
grant select on users to authenticated;
grant select (id, user_id, sha256, width, height, format, bytes, filename, created_at, expires_at, deleted_at)
    on images to authenticated;
grant select (image_id, model, revision, codec, bytes, created_at) on embeddings to authenticated;
grant select (id, user_id, batch_id, kind, status, engine, model, image_id, result, error, timings, priority,
              progress, attempt, crashes, deadline, credits, cost_micros, version, created_at, started_at,
              finished_at)
    on jobs to authenticated;

alter table schema_migrations enable row level security;
revoke all on schema_migrations from anon, authenticated;
