-- An upload looks for the same content that was encoded before (app/images/reuse.py).

create index images_by_content on images (user_id, sha256) where deleted_at is null;
