-- name: insert_image
insert into images (id, user_id, storage_key, sha256, width, height, format, bytes, filename, expires_at)
values (%(id)s, %(user_id)s, %(storage_key)s, %(sha256)s, %(width)s, %(height)s, %(format)s, %(bytes)s, %(filename)s,
        now() + make_interval(secs => coalesce(
            (select retention_days * 86400 from users where id = %(user_id)s), %(retention_s)s)))
returning *

-- name: image
select * from images
where id = %(id)s and user_id = %(user_id)s and deleted_at is null and (expires_at is null or expires_at > now())

-- name: list_images
-- what the user uploaded: a crop is found through its image alone
select * from images
where user_id = %(user_id)s and crop_of is null and deleted_at is null and (expires_at is null or expires_at > now())
  and (%(after)s::uuid is null or id < %(after)s)
order by id desc limit %(limit)s

-- name: bury
update images set deleted_at = now()
where id = %(id)s and user_id = %(user_id)s and deleted_at is null
returning id

-- name: bury_crops
-- a statement of its own, after the one that locked the image: a crop that was added meanwhile is seen
update images set deleted_at = now() where crop_of = %(image_id)s and deleted_at is null
returning id

-- name: crops
select * from images
where crop_of = %(image_id)s and deleted_at is null and (expires_at is null or expires_at > now())

-- name: lock_image
select id from images
where id = %(id)s and deleted_at is null and (expires_at is null or expires_at > now())
for no key update

-- name: insert_crop
-- its owner's, and kept as long as the image that it is a part of
insert into images (id, user_id, storage_key, sha256, width, height, format, bytes, expires_at, crop_of, box)
select %(id)s, user_id, %(storage_key)s, %(sha256)s, %(width)s, %(height)s, 'png', %(bytes)s, expires_at, id, %(box)s
from images where id = %(crop_of)s
returning *

-- name: forget_embeddings
delete from embeddings where image_id = any(%(ids)s)

-- name: embedding
-- the newest revision of the model
select e.*, e.storage_key as key from embeddings e join images i on i.id = e.image_id
where i.id = %(image_id)s and i.user_id = %(user_id)s and i.deleted_at is null and e.model = %(model)s
order by e.created_at desc limit 1

-- name: same_bytes
-- the embedding of an image of the user with the same content: this image's own, else the newest
select e.*, e.storage_key as key, i.working_key from embeddings e join images i on i.id = e.image_id
where i.user_id = %(user_id)s and i.sha256 = %(sha256)s and i.deleted_at is null
  and (i.expires_at is null or i.expires_at > now())
  and e.model = %(model)s and e.revision = %(revision)s and (e.proposed or not %(auto)s)
order by e.image_id = %(image_id)s desc, e.created_at desc limit 1

-- name: keep_image
-- a deleter waits until the transaction ends, or was first
select id from images where id = %(id)s and deleted_at is null for share

-- name: save_embedding
-- who comes second keeps the first one's tensors and only adds the proposal
insert into embeddings (image_id, model, revision, codec, storage_key, bytes, proposed, proposal)
values (%(image_id)s, %(model)s, %(revision)s, %(codec)s, %(key)s, %(bytes)s, %(proposed)s, %(proposal)s)
on conflict (image_id, model, revision) do update set
    proposal = case when embeddings.proposed then embeddings.proposal else excluded.proposal end,
    proposed = embeddings.proposed or excluded.proposed
returning *, storage_key as key

-- name: save_working
update images set working_key = coalesce(working_key, %(key)s)
where id = %(id)s and deleted_at is null
returning working_key

-- name: bury_expired
-- past their retention; who is being deleted or gets a job at this moment has its turn a minute later
update images set deleted_at = now()
where id in (select id from images where deleted_at is null and expires_at <= now()
             limit %(limit)s for update skip locked)
returning id

-- name: to_purge
-- files are removed first, then the row says so
select id, user_id from images where deleted_at is not null and purged_at is null limit %(limit)s

-- name: purged
update images set purged_at = now(), working_key = null,
    filename = null  -- people's names stand in them
where id = %(id)s
