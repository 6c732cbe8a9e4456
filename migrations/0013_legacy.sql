-- The legacy engine in the life of a job (DESIGN §8, §12).

alter table jobs drop constraint jobs_kind_check;
alter table jobs add constraint jobs_kind_check check (kind in ('encode', 'apply_mask', 'remove', 'legacy_fetch'));
alter table jobs add column engine_reason text;  -- why this engine: app/flags/types.py
alter table jobs add column our_fault boolean not null default false;  -- failed, and not by what the user sent
alter table jobs add column worked jsonb not null default '{}';  -- worker seconds by kind of worker, all runs together
grant select (engine_reason) on jobs to authenticated;
create index jobs_faults on jobs (queue, finished_at) where our_fault;


-- Seconds of one more run.
create function add_worked(worked jsonb, worker text, seconds double precision) returns jsonb
language sql immutable as $$
    select case when worker is null then worked else worked || jsonb_build_object(
        worker, round((coalesce((worked ->> worker)::double precision, 0) + seconds)::numeric, 6)) end
$$;


-- Images that a person edits at ClippingMagic: by its id there, whose they are here.
create table legacy_images (
    id bigint primary key,
    user_id uuid not null references users on delete cascade,
    image_id uuid not null references images on delete cascade,
    secret text not null,   -- lets a browser edit this one image
    reason text not null,   -- of the decision that led here
    note text,              -- why a person sent it there
    charged_job uuid references jobs on delete set null,  -- fetching it again is free
    created_at timestamptz not null default now()
);
create index legacy_images_of_user on legacy_images (user_id);
create index legacy_images_of_image on legacy_images (image_id);
create index legacy_images_charged on legacy_images (charged_job);

alter table legacy_images enable row level security;
revoke all on legacy_images from anon, authenticated;
grant select, insert, update, delete on legacy_images to service_role;


-- A result of ClippingMagic's editor is paid for by itself, once; after that the image is paid for everywhere.
create or replace function settle_credits() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    first_one boolean;
begin
    if new.status = 'succeeded' then
        -- two jobs on one image wait for each other here; the second one is free
        update images set charged_job = new.id where id = new.image_id and charged_job is null;
        first_one := found;
        if new.kind = 'legacy_fetch' then
            update legacy_images set charged_job = new.id
            where id = (new.params ->> 'legacy_id')::bigint and charged_job is null;
            first_one := found;
        end if;
        if first_one then
            new.credits := new.reserved;
        end if;
    end if;
    insert into credit_entries (user_id, job_id, entry_kind, held, spent) values (
        new.user_id, new.id, case new.status when 'succeeded' then 'settle' else 'release' end,
        -new.reserved, new.credits);
    return new;
end $$;
