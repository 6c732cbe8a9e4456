-- Batches (DESIGN §9): many images by one call, what became of each, and one message at the end.

create table batches (
    id uuid primary key,  -- UUIDv7
    user_id uuid not null references users,
    name text not null default '',
    model text not null,
    options jsonb not null default '{}',  -- of every item
    webhook jsonb,
    request_id text,
    added_at timestamptz not null default now(),  -- the latest item came
    closed_at timestamptz,    -- none comes any more
    paused_at timestamptz,    -- none is begun
    canceled_at timestamptz,
    finished_at timestamptz,  -- every item has ended, and it was told
    sources_gone_at timestamptz,
    created_at timestamptz not null default now(),

    check (finished_at is null or closed_at is not null),
    check (canceled_at is null or closed_at is not null)
);
create index batches_of_user on batches (user_id, id desc);
create index batches_unfinished on batches (id) where finished_at is null;
create index batches_with_sources on batches (finished_at) where finished_at is not null and sources_gone_at is null;


create table batch_items (
    id uuid primary key,  -- UUIDv7: in the order in which they were given
    batch_id uuid not null references batches,
    name text not null,   -- the file's own, made safe
    source jsonb,         -- where its bytes are until they are an image; null: they are one, or will never be
    state text not null default 'queued' check (state in ('queued', 'processing', 'succeeded', 'failed', 'canceled')),
    error jsonb,
    confidence real,      -- of the automatic subject, 0..1
    image_id uuid references images,
    job_id uuid references jobs,  -- whose file is the item's result
    starts smallint not null default 0,    -- rises with every beginning; who begins an item must hold the present one
    attempt smallint not null default 0,   -- coded retryable errors before there was a job
    run_after timestamptz not null default now(),
    lease_until timestamptz,  -- somebody is making its image and its job
    reviewed_at timestamptz,

    check ((state = 'failed') = (error is not null)),
    check (state <> 'succeeded' or job_id is not null)
);
create index batch_items_by_state on batch_items (batch_id, state, id);
create index batch_items_of_batch on batch_items (batch_id, id);
create index batch_items_leased on batch_items (lease_until) where lease_until is not null;
create unique index batch_items_job on batch_items (job_id) where job_id is not null;

alter table jobs add constraint jobs_batch_id_fkey foreign key (batch_id) references batches;
create index jobs_of_batch on jobs (batch_id) where batch_id is not null and finished_at is null;


-- As a trigger no way of ending a job can forget its item.
create function end_batch_item() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    update batch_items set
        state = new.status, lease_until = null,
        error = case when new.error is not null then jsonb_build_object(
            'code', new.error -> 'code', 'message', new.error -> 'message') end,
        confidence = (select (proposal ->> 'score')::real from embeddings
                      where image_id = new.image_id and model = new.model order by created_at desc limit 1)
    where job_id = new.id and state = 'processing';
    return null;
end $$;

create trigger jobs_batch_item after update of status on jobs
    for each row when (old.finished_at is null and new.finished_at is not null and new.batch_id is not null)
    execute function end_batch_item();


-- The outbox: a job of a batch is told with its batch, once.
alter table webhook_deliveries add column batch_id uuid references batches on delete cascade;
create index webhook_deliveries_of_batch on webhook_deliveries (batch_id) where batch_id is not null;

create function deliver(to_user uuid, own jsonb, of_job uuid, of_batch uuid, told text, at timestamptz, data jsonb)
returns void language sql as $$
    insert into webhook_deliveries (id, user_id, endpoint_id, job_id, batch_id, event, url, payload)
    select new_id(), to_user, receiver.endpoint_id, of_job, of_batch, told, receiver.url,
           jsonb_build_object('type', told, 'timestamp', at, 'data', data)::text
    from (
        select id as endpoint_id, url, events from webhook_endpoints where user_id = to_user and disabled_at is null
        union all
        select null, own ->> 'url', array(select jsonb_array_elements_text(coalesce(own -> 'events', '[]')))
        where own is not null
    ) as receiver
    where receiver.events = '{}' or told = any (receiver.events)
$$;

create or replace function write_deliveries() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    perform deliver(new.user_id, new.webhook, new.id, null, 'job.' || new.status, new.finished_at, jsonb_build_object(
        'id', new.id, 'kind', new.kind, 'status', new.status, 'image_id', new.image_id,
        'batch_id', new.batch_id, 'created_at', new.created_at, 'finished_at', new.finished_at,
        'error', case when new.error is not null then jsonb_build_object(
            'code', new.error -> 'code', 'message', new.error -> 'message') end,
        'url', '/api/jobs/' || new.id
    ));
    return null;
end $$;

drop trigger jobs_deliveries on jobs;
create trigger jobs_deliveries after update of status on jobs
    for each row when (old.finished_at is null and new.finished_at is not null and new.batch_id is null)
    execute function write_deliveries();

create function write_batch_deliveries() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    ended text := case when new.canceled_at is null then 'completed' else 'canceled' end;
begin
    perform deliver(new.user_id, new.webhook, null, new.id, 'batch.' || ended, new.finished_at, jsonb_build_object(
        'id', new.id, 'name', new.name, 'status', ended,
        'counts', (select coalesce(jsonb_object_agg(state, items), '{}') from (
            select state, count(*) as items from batch_items where batch_id = new.id group by state) as counted),
        'created_at', new.created_at, 'finished_at', new.finished_at, 'url', '/api/batches/' || new.id
    ));
    return null;
end $$;

create trigger batches_deliveries after update of finished_at on batches
    for each row when (old.finished_at is null and new.finished_at is not null)
    execute function write_batch_deliveries();


create or replace function erase_user(erased uuid) returns jsonb language plpgsql as $$
declare
    report jsonb;
begin
    perform from users where id = erased for update;
    if not found then
        return null;
    end if;
    perform set_config('cutout.erasing', erased::text, true);
    report := jsonb_build_object(
        'images', (select count(*) from images where user_id = erased),
        'jobs', (select count(*) from jobs where user_id = erased),
        'batches', (select count(*) from batches where user_id = erased),
        'keys', (select count(*) from api_keys where user_id = erased),
        'webhooks', (select count(*) from webhook_endpoints where user_id = erased),
        'ledger_entries', (select count(*) from credit_entries where user_id = erased)
    );
    insert into closed_accounts (user_sha256) values (sha256(uuid_send(erased))) on conflict do nothing;
    delete from webhook_deliveries where user_id = erased;  -- attempts go with them
    delete from webhook_secrets where user_id = erased;
    delete from webhook_endpoints where user_id = erased;
    delete from idempotency_keys where user_id = erased;
    delete from credit_entries where user_id = erased;
    delete from credit_changes where user_id = erased;
    delete from credit_balances where user_id = erased;
    update images set charged_job = null where user_id = erased and charged_job is not null;
    delete from batch_items using batches where batches.id = batch_id and batches.user_id = erased;
    delete from jobs where user_id = erased;
    delete from batches where user_id = erased;
    delete from embeddings using images where images.id = image_id and images.user_id = erased;
    delete from images where user_id = erased;
    delete from api_keys where user_id = erased;
    update audit_log set actor = 'an erased user' where actor = erased::text;
    update audit_log set subject = null, details = '{}' where subject = erased;
    delete from users where id = erased;
    return report;
end $$;


alter table batches enable row level security;
alter table batch_items enable row level security;
create policy own_rows on batches for select to authenticated using (user_id = auth.uid());
create policy own_rows on batch_items for select to authenticated
    using (exists (select 1 from batches where batches.id = batch_id and batches.user_id = auth.uid()));
revoke all on batches, batch_items from anon, authenticated;
grant select (id, user_id, name, model, options, added_at, closed_at, paused_at, canceled_at, finished_at, created_at)
    on batches to authenticated;
grant select (id, batch_id, name, state, error, confidence, image_id, job_id, reviewed_at) on batch_items to authenticated;
grant select, insert, update, delete on batches, batch_items to service_role;
