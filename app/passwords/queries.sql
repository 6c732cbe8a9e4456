-- name: by_email
select p.user_id, p.email, p.hash from passwords p where lower(p.email) = lower(%(email)s)

-- name: set_password
insert into passwords (user_id, email, hash) values (%(user_id)s, %(email)s, %(hash)s)
on conflict (user_id) do update set email = excluded.email, hash = excluded.hash, changed_at = now()

-- name: begin
insert into sign_ins (id, user_id, refresh_sha256, expires_at)
values (%(id)s, %(user_id)s, %(sha256)s, now() + make_interval(secs => %(lifetime_s)s))

-- name: renew
-- by the newest token, or for a moment by the one before it
update sign_ins s set used_sha256 = %(sha256)s, refresh_sha256 = %(next_sha256)s, refreshed_at = now(),
    expires_at = now() + make_interval(secs => %(lifetime_s)s)
from passwords p
where p.user_id = s.user_id and s.expires_at > now()
  and (s.refresh_sha256 = %(sha256)s
       or s.used_sha256 = %(sha256)s and s.refreshed_at > now() - make_interval(secs => %(reuse_s)s))
returning s.id, s.user_id, p.email

-- name: end_reused
delete from sign_ins where used_sha256 = %(sha256)s returning id

-- name: end
delete from sign_ins where id = %(id)s and user_id = %(user_id)s

-- name: end_all
delete from sign_ins where user_id = %(user_id)s

-- name: forget
delete from sign_ins where user_id = %(user_id)s and expires_at < now()
