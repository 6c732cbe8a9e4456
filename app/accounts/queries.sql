-- name: ensure_user
-- nobody comes back who was deleted here
insert into users (id, email)
select %(id)s, %(email)s
where not exists (select from closed_accounts where user_sha256 = %(sha256)s)
on conflict (id) do update set email = excluded.email
where excluded.email is not null and users.email is distinct from excluded.email

-- name: unmeter
update credit_balances set plan = 'unmetered' where user_id = %(id)s and plan <> 'unmetered'

-- name: user
select id, email, role, retention_days, created_at from users where id = %(id)s

-- name: users_by_email
select id, email, role, retention_days, created_at from users where lower(email) = lower(%(email)s) order by id

-- name: list_users
select id, email, role, retention_days, created_at from users
where %(after)s::uuid is null or id > %(after)s
order by id limit %(limit)s

-- name: set_role
update users set role = %(role)s where id = %(id)s returning id, email, role, retention_days, created_at

-- name: key_shown
-- good keys only: a revoked one is as unknown as one that never was
select k.id, k.user_id, k.scopes, u.role,
    k.last_used_at is null or k.last_used_at < now() - interval '1 minute' as noted_long_ago
from api_keys k join users u on u.id = k.user_id
where k.sha256 = %(sha256)s and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())

-- name: note_use
-- of requests at once the first one writes
update api_keys set last_used_at = now()
where id = %(id)s and (last_used_at is null or last_used_at < now() - interval '1 minute')

-- name: lock_user
select id from users where id = %(user_id)s for update

-- name: insert_key
insert into api_keys (id, user_id, name, prefix, sha256, scopes, expires_at)
select %(id)s, %(user_id)s, %(name)s, %(prefix)s, %(sha256)s, %(scopes)s,
       now() + make_interval(secs => %(lifetime_s)s)
where (select count(*) from api_keys
       where user_id = %(user_id)s and revoked_at is null and (expires_at is null or expires_at > now())) < %(limit)s
returning *

-- name: list_keys
select * from api_keys
where user_id = %(user_id)s and (%(after)s::uuid is null or id < %(after)s)
order by id desc limit %(limit)s

-- name: revoke_key
-- a second time changes nothing and is no error
update api_keys set revoked_at = coalesce(revoked_at, now())
where id = %(id)s and (%(user_id)s::uuid is null or user_id = %(user_id)s)
returning *

-- name: set_retention
-- of images from now on; those that are here keep their day
update users set retention_days = %(days)s where id = %(id)s
returning id, email, role, retention_days, created_at

-- name: defaults
select settings, settings_changed_at from users where id = %(id)s

-- name: set_defaults
update users set settings = %(settings)s, settings_changed_at = clock_timestamp() where id = %(id)s
returning settings, settings_changed_at

-- name: key_ids
select id from api_keys where user_id = %(user_id)s

-- name: erase_user
select erase_user(%(id)s) as report

-- name: known_users
select id from users where id = any (%(ids)s)

-- name: forget_closed
-- no token lives so long (Supabase: a week at most)
delete from closed_accounts where closed_at < now() - interval '30 days'

-- name: record
insert into audit_log (actor, action, subject, details) values (%(actor)s, %(action)s, %(subject)s, %(details)s)

-- name: deeds
select id, actor, action, subject, details, created_at from audit_log
where %(after)s::uuid is null or id < %(after)s
order by id desc limit %(limit)s

-- name: export_account
select id, to_jsonb(u) as document from users u
where id = %(user_id)s and (%(after)s::uuid is null or id > %(after)s) limit %(limit)s

-- name: export_keys
select id, to_jsonb(k) - 'sha256' as document from api_keys k
where user_id = %(user_id)s and (%(after)s::uuid is null or id > %(after)s) order by id limit %(limit)s

-- name: export_images
select id, to_jsonb(i) - '{storage_key,working_key}'::text[] as document from images i
where user_id = %(user_id)s and (%(after)s::uuid is null or id > %(after)s) order by id limit %(limit)s

-- name: export_jobs
select id, to_jsonb(j) - '{result_key,worker,changed_in}'::text[] as document from jobs j
where user_id = %(user_id)s and (%(after)s::uuid is null or id > %(after)s) order by id limit %(limit)s

-- name: export_batches
select id, to_jsonb(b) as document from batches b
where user_id = %(user_id)s and (%(after)s::uuid is null or id > %(after)s) order by id limit %(limit)s

-- name: export_batch_items
select i.id, to_jsonb(i) - '{source}'::text[] as document from batch_items i join batches b on b.id = i.batch_id
where b.user_id = %(user_id)s and (%(after)s::uuid is null or i.id > %(after)s) order by i.id limit %(limit)s

-- name: export_webhooks
select id, to_jsonb(w) as document from webhook_endpoints w
where user_id = %(user_id)s and (%(after)s::uuid is null or id > %(after)s) order by id limit %(limit)s

-- name: export_deliveries
select id, to_jsonb(d) as document from webhook_deliveries d
where user_id = %(user_id)s and (%(after)s::uuid is null or id > %(after)s) order by id limit %(limit)s
