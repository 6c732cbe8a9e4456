-- Deletion of a user with everything, retention by account, and what admins did (DESIGN §7).

alter table users add column retention_days integer check (retention_days between 1 and 3650);  -- null: the default


create table audit_log (
    id uuid primary key default new_id(),
    actor text not null,  -- a user's id, or `command line`
    action text not null,
    subject uuid,  -- the user it was done to; null once that one is erased
    details jsonb not null default '{}',
    created_at timestamptz not null default now()
);
create index audit_log_of_subject on audit_log (subject);

alter table audit_log enable row level security;
revoke all on audit_log from anon, authenticated;
grant select, insert, update, delete on audit_log to service_role;


-- The ledger is append-only for everybody but the one who erases its owner.
create or replace function refuse_change() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and current_setting('cutout.erasing', true) = old.user_id::text then
        return old;
    end if;
    raise exception '% is append-only', tg_table_name using errcode = 'integrity_constraint_violation';
end $$;


-- Every row of the user; says how many. The lock waits for transactions that are writing for the user, and keeps others out.
create function erase_user(erased uuid) returns jsonb language plpgsql as $$
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
    delete from jobs where user_id = erased;
    delete from embeddings using images where images.id = image_id and images.user_id = erased;
    delete from images where user_id = erased;
    delete from api_keys where user_id = erased;
    update audit_log set actor = 'an erased user' where actor = erased::text;
    update audit_log set subject = null, details = '{}' where subject = erased;
    delete from users where id = erased;
    return report;
end $$;
revoke all on function erase_user(uuid) from public;
