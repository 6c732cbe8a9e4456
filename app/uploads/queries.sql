-- name: insert_upload
insert into uploads (id, user_id, filename, token_sha256, expires_at)
select %(id)s, %(user_id)s, %(filename)s, %(token_sha256)s, %(expires_at)s
where (select count(*) from uploads where user_id = %(user_id)s and image_id is null and expires_at > now()) < %(most)s
returning id

-- name: upload
select id, user_id, filename, image_id, expires_at from uploads
where id = %(id)s and expires_at > now()
  and (user_id = %(user_id)s or token_sha256 = %(token_sha256)s)

-- name: use_upload
-- who comes second changes nothing
update uploads set image_id = %(image_id)s where id = %(id)s and image_id is null

-- name: forget_upload
delete from uploads where id = %(id)s

-- name: expired_uploads
-- what was begun in time may still be arriving
select id, user_id, filename, image_id, expires_at from uploads
where expires_at < now() - make_interval(secs => %(grace_s)s) limit %(limit)s
