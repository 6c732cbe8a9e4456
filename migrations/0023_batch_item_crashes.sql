-- Workers that an item ended are counted by themselves: most beginnings that come to nothing are none of its fault (a full
-- queue, a deploy). `starts` never goes back, or a late beginner would hold the item again.
alter table batch_items
    add column crashes smallint not null default 0,
    alter column starts type integer;
