-- Crops: a part of an image as an image of its own (app/images/crops.py). It lives as long as its image, and there is one
-- of each box.

alter table images
    add column crop_of uuid references images,
    add column box integer[],
    add constraint images_crop_has_its_box check ((crop_of is null) = (box is null) and cardinality(box) = 4);

create unique index images_one_crop_of_a_box on images (crop_of, box) where crop_of is not null and deleted_at is null;
create index images_of_image on images (crop_of) where crop_of is not null;  -- who deletes an image asks for its crops

grant select (crop_of, box) on images to authenticated;
