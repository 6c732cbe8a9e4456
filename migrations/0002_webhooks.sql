-- Webhooks (DESIGN §9, §14): endpoints, the outbox, and every attempt to deliver.

-- UUIDv7 (RFC 9562 §5.7) where Postgres is older than 18: 48 bits of milliseconds, version 7, the rest random.
create function new_id() returns uuid language sql volatile as $$
    select encode(
        set_bit(set_bit(
            overlay(uuid_send(gen_random_uuid())
                    placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
                    from 1 for 6),
            52, 1), 53, 1),
        'hex')::uuid
$$;


create table webhook_endpoints (
    id uuid primary key,  -- UUIDv7
    user_id uuid not null references users,
    url text not null,
    events text[] not null default '{}',  -- empty: all of them
    description text not null default '',
    failing_since timestamptz,  -- the first failed attempt since the last delivered one
    disabled_at timestamptz,
    disabled_reason text check (disabled_reason in ('gone', 'failing', 'by_user')),
    created_at timestamptz not null default now(),

    check ((disabled_at is null) = (disabled_reason is null))
);
create index webhook_endpoints_of_user on webhook_endpoints (user_id, id);


-- Signing keys must be readable to sign, so they stand here as they are; nothing but the sender reads them.
create table webhook_secrets (
    id uuid primary key,  -- UUIDv7: the newest signs first
    user_id uuid not null references users,
    endpoint_id uuid references webhook_endpoints on delete cascade,  -- null: for the webhook_url of single jobs
    secret text not null,
    expires_at timestamptz  -- set when a newer one came: both sign until then
);
create index webhook_secrets_of_owner on webhook_secrets (user_id, endpoint_id);


-- The outbox. A row is written in the transaction that ends the job, so there is one for every end and none without.
create table webhook_deliveries (
    id uuid primary key,  -- UUIDv7; the `webhook-id` of every attempt
    user_id uuid not null references users,
    endpoint_id uuid references webhook_endpoints on delete cascade,  -- null: the webhook_url of one job
    job_id uuid references jobs on delete cascade,  -- null: a test that the user asked for
    event text not null,
    url text not null,
    receiver text not null  -- who is spared when it is slow: at most a few attempts at a time
        generated always as (coalesce(endpoint_id::text, substring(url from '^[^/]+//[^/?#]+'), url)) stored,
    payload text not null,  -- the very bytes that are signed: the same at each attempt
    state text not null default 'pending' check (state in ('pending', 'delivered', 'failed')),
    attempts integer not null default 0,
    step integer not null default 0,  -- place in the schedule; a redelivery starts over, attempts count on
    next_at timestamptz not null default now(),
    lease_until timestamptz,  -- a sender is at it; past: it died, and another sends again with the same id
    created_at timestamptz not null default now(),
    delivered_at timestamptz
);
create index webhook_deliveries_due on webhook_deliveries (next_at) where state = 'pending';
create index webhook_deliveries_of_user on webhook_deliveries (user_id, id desc);
create index webhook_deliveries_of_endpoint on webhook_deliveries (endpoint_id, id desc);
create index webhook_deliveries_of_job on webhook_deliveries (job_id);


create table webhook_attempts (
    delivery_id uuid not null references webhook_deliveries on delete cascade,
    number integer not null,
    status integer,  -- HTTP; null: no answer
    ms integer not null,
    error text,      -- our code for what went wrong; never a word of the receiver's
    started_at timestamptz not null,
    primary key (delivery_id, number)
);


-- As a trigger no way of ending a job can forget it: worker, cancel, sweeper, and the restricted role of a GPU host.
create function write_deliveries() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    told text := 'job.' || new.status;
begin
    insert into webhook_deliveries (id, user_id, endpoint_id, job_id, event, url, payload)
    select new_id(), new.user_id, receiver.endpoint_id, new.id, told, receiver.url, jsonb_build_object(
        'type', told,
        'timestamp', new.finished_at,
        'data', jsonb_build_object(
            'id', new.id, 'kind', new.kind, 'status', new.status, 'image_id', new.image_id,
            'batch_id', new.batch_id, 'created_at', new.created_at, 'finished_at', new.finished_at,
            'error', case when new.error is not null then jsonb_build_object(
                'code', new.error -> 'code', 'message', new.error -> 'message') end,
            'url', '/api/jobs/' || new.id
        )
    )::text
    from (
        select id as endpoint_id, url, events from webhook_endpoints
        where user_id = new.user_id and disabled_at is null
        union all
        select null, new.webhook ->> 'url',
               array(select jsonb_array_elements_text(coalesce(new.webhook -> 'events', '[]')))
        where new.webhook is not null
    ) as receiver
    where receiver.events = '{}' or told = any (receiver.events);
    return null;
end $$;

create trigger jobs_deliveries after update of status on jobs
    for each row when (old.finished_at is null and new.finished_at is not null)
    execute function write_deliveries();


-- Only through the API.
alter table webhook_endpoints enable row level security;
alter table webhook_secrets enable row level security;
alter table webhook_deliveries enable row level security;
alter table webhook_attempts enable row level security;
revoke all on webhook_endpoints, webhook_secrets, webhook_deliveries, webhook_attempts from anon, authenticated;
