-- With an image's files goes what opens it at ClippingMagic.
create function forget_legacy_image() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    delete from legacy_images where image_id = new.id;
    return null;
end $$;

create trigger images_forget_legacy after update of purged_at on images
    for each row when (old.purged_at is null and new.purged_at is not null)
    execute function forget_legacy_image();
