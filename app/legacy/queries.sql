-- name: insert
-- nothing for an image that is gone meanwhile
insert into legacy_images (id, user_id, image_id, secret, reason, note)
select %(id)s, %(user_id)s, i.id, %(secret)s, %(reason)s, %(note)s from images i
where i.id = %(image_id)s and i.user_id = %(user_id)s and i.deleted_at is null
returning id, user_id, image_id, secret, reason

-- name: find
select id, user_id, image_id, secret, reason from legacy_images where id = %(id)s and user_id = %(user_id)s

-- name: fetched
-- a row back: for the first time
update legacy_images set fetched_at = now() where id = %(id)s and fetched_at is null
returning id
