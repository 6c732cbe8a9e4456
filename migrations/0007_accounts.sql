-- Who may come in (DESIGN §7, §9): roles, API keys, accounts that were closed; and what each database role may do.

alter table users add column role text not null default 'user' check (role in ('user', 'reviewer', 'admin'));
create index users_by_email on users (lower(email)) where email is not null;


create table api_keys (
    id uuid primary key,  -- UUIDv7
    user_id uuid not null references users,
    name text not null default '',
    prefix text not null,  -- its first characters: the owner tells keys apart by them
    sha256 bytea not null unique,
    scopes text[] not null check (scopes <@ array['read', 'write', 'admin'] and scopes <> '{}'),
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    last_used_at timestamptz,  -- to the minute
    revoked_at timestamptz
);
create index api_keys_of_user on api_keys (user_id, id desc);


-- A token outlives the account it names by an hour or more: it must not open the account anew.
-- The hash, so that nothing here is the id of somebody who asked to be forgotten.
create table closed_accounts (
    user_sha256 bytea primary key,
    closed_at timestamptz not null default now()
);


alter table api_keys enable row level security;
alter table closed_accounts enable row level security;
create policy own_rows on api_keys for select to authenticated using (user_id = auth.uid());
revoke all on api_keys, closed_accounts from anon, authenticated;
grant select (id, user_id, name, prefix, scopes, created_at, expires_at, last_used_at, revoked_at)
    on api_keys to authenticated;


-- New Supabase projects grant nothing by themselves, to service_role neither. It passes row security there; elsewhere
-- it does once it may be told to.
grant usage on schema public to service_role;
grant select, insert, update, delete on
    users, images, embeddings, jobs, credit_entries, idempotency_keys, api_keys, closed_accounts,
    webhook_endpoints, webhook_secrets, webhook_deliveries, webhook_attempts
    to service_role;
revoke all on schema_migrations from service_role;
do $$
begin
    if not (select rolbypassrls from pg_roles where rolname = 'service_role') then
        alter role service_role bypassrls;
    end if;
exception
    when insufficient_privilege then null;  -- without it service_role sees no rows: safe, and said here
    when internal_error then null;          -- another database of this server is being migrated right now
end $$;
