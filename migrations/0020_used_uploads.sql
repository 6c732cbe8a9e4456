-- An upload that was used names its image until it expires: a call that failed behind it is simply sent again.

alter table uploads add column image_id uuid references images on delete cascade;
create index uploads_of_image on uploads (image_id) where image_id is not null;
