-- ClippingMagic bills an image when its result is fetched for the first time, whatever becomes of that: the row says so.
alter table legacy_images add column fetched_at timestamptz;
update legacy_images set fetched_at = now() where charged_job is not null;
