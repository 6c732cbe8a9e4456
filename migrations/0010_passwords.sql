-- Who signs in at `cutout issuer`, for who runs no Supabase. Both go with their user.

create table passwords (
    user_id uuid primary key references users on delete cascade,
    email text not null,  -- the name to sign in by
    hash text not null,
    changed_at timestamptz not null default now()
);
create unique index passwords_by_email on passwords (lower(email));


create table sign_ins (
    id uuid primary key,  -- UUIDv7
    user_id uuid not null references users on delete cascade,
    refresh_sha256 bytea not null unique,
    used_sha256 bytea unique,  -- of the refresh token before: who shows it late has stolen it, or was stolen from
    refreshed_at timestamptz not null default now(),
    expires_at timestamptz not null
);
create index sign_ins_of_user on sign_ins (user_id);


alter table passwords enable row level security;
alter table sign_ins enable row level security;
revoke all on passwords, sign_ins from anon, authenticated;
grant select, insert, update, delete on passwords, sign_ins to service_role;
