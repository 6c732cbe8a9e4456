-- Direct uploads (DESIGN §9): bytes that went to the object store and are no image yet.

create table uploads (
    id uuid primary key,  -- UUIDv7
    user_id uuid not null references users on delete cascade,
    filename text,
    token_sha256 bytea not null,  -- of who may send the bytes to us; a store that signs has tokens of its own
    expires_at timestamptz not null,
    created_at timestamptz not null default now()
);
create index uploads_of_user on uploads (user_id, expires_at);
create index uploads_expiring on uploads (expires_at);

alter table uploads enable row level security;
revoke all on uploads from anon, authenticated;
grant select, insert, update, delete on uploads to service_role;
