-- Who makes whose cutouts (DESIGN §12): the flag, its versions, overrides by user, and the state of the fallback.

-- One row a flag. `update flags set rules = rules || '{"kill": true}'` is a switch as good as any: processes look twice a
-- second. What cannot be read as rules is kept and alarmed about, and the version before it stays in force.
create table flags (
    name text primary key,
    rules jsonb not null default '{}',
    version integer not null default 1,
    changed_by text not null default current_user,  -- a user's id, `command line`, or a role: somebody's SQL
    changed_at timestamptz not null default now()
);

create table flag_versions (
    name text not null,
    version integer not null,
    rules jsonb not null,
    changed_by text not null,
    changed_at timestamptz not null,
    primary key (name, version)
);

create function next_flag_version() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' then
        new.version := old.version + 1;
        new.changed_at := now();
        new.changed_by := coalesce(nullif(current_setting('cutout.actor', true), ''), current_user);
    end if;
    insert into flag_versions values (new.name, new.version, new.rules, new.changed_by, new.changed_at);
    return new;
end $$;

create trigger flags_version before insert or update on flags
    for each row execute function next_flag_version();

insert into flags (name, changed_by) values ('sam2_editor', 'migration');


create table flag_overrides (
    name text not null references flags,
    user_id uuid not null references users on delete cascade,
    engine text not null check (engine in ('sam2', 'clippingmagic')),
    primary key (name, user_id)
);
create index flag_overrides_of_user on flag_overrides (user_id);


-- One row: whether new work goes to ClippingMagic because ours is unwell, as all processes see it.
create table engine_health (
    name text primary key,
    fallback boolean not null default false,
    since timestamptz not null default now(),
    calm_since timestamptz,  -- all has been well since then, while the fallback is on
    checked_at timestamptz not null default now()
);
insert into engine_health (name) values ('sam2_editor');

create table engine_switches (
    id uuid primary key default new_id(),
    fallback boolean not null,
    reason text not null,
    details jsonb not null,
    switched_at timestamptz not null default now()
);

-- What was bought from ClippingMagic without anybody's asking, by day (UTC), in micro-dollars.
create table legacy_spending (
    day date primary key,
    micros bigint not null check (micros >= 0)
);


do $$
declare
    made text;
begin
    foreach made in array array['flags', 'flag_versions', 'flag_overrides', 'engine_health', 'engine_switches',
                                'legacy_spending'] loop
        execute format('alter table %I enable row level security', made);
        execute format('revoke all on %I from anon, authenticated', made);
        execute format('grant select, insert, update, delete on %I to service_role', made);
    end loop;
end $$;
