-- name: take
-- ours when nobody has it, or who had it died before making anything
insert into idempotency_keys (user_id, key, fingerprint) values (%(user_id)s, %(key)s, %(fingerprint)s)
on conflict (user_id, key) do update set taken_at = now()
where idempotency_keys.resource_id is null and idempotency_keys.fingerprint = excluded.fingerprint
  and idempotency_keys.taken_at < now() - make_interval(secs => %(abandoned_s)s)
returning key

-- name: taken
select fingerprint, resource_id from idempotency_keys where user_id = %(user_id)s and key = %(key)s

-- name: name_resource
update idempotency_keys set resource_id = %(resource_id)s where user_id = %(user_id)s and key = %(key)s

-- name: let_go
delete from idempotency_keys where user_id = %(user_id)s and key = %(key)s and resource_id is null

-- name: forget_old
delete from idempotency_keys where taken_at < now() - make_interval(secs => %(kept_s)s)
