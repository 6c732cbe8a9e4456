"""
BatchNotFound            no such batch, or not yours
ItemNotFound             no such item of this batch
BatchClosed (409)        it takes no more items
BatchEnded (409)         there is nothing left to pause, resume or cancel
BatchNotFinished (409)   some of its results are yet to come
NothingToRetry (409)     nothing failed that could end otherwise
FixUnusable (409)        the job that should take an item's place cannot
BatchEmpty (422)         neither a file nor a ZIP nor a URL, and none could follow
TooManyItems (422)       of one batch
BadInput
├── ZipDamaged (422)     no ZIP, or one that contradicts itself
├── ZipEncrypted (422)   nobody gave us its password
├── ZipTooManyEntries (422)
├── ZipBomb (422)        unpacks to more than photos do
├── ZipMethodUnknown     of an item: packed by other than deflate
├── NestedZip            of an item: an archive within the archive
└── ZipEntryDamaged      of an item: its bytes are not those that were packed
ItemQuarantined          of an item: everybody who began it died of it
ItemGone                 of an item: somebody else began it, or it was canceled; never shown
"""

from app.errors import AppError, BadInput, Conflict, Internal, NotFound


class BatchNotFound(NotFound):
    code = "batch_not_found"


class ItemNotFound(NotFound):
    code = "item_not_found"


class BatchClosed(Conflict):
    code = "batch_closed"


class BatchEnded(Conflict):
    code = "batch_ended"


class BatchNotFinished(Conflict):
    code = "batch_not_finished"


class NothingToRetry(Conflict):
    code = "nothing_to_retry"


class FixUnusable(Conflict):
    code = "fix_unusable"


class BatchEmpty(BadInput):
    code = "batch_empty"


class TooManyItems(BadInput):
    code = "too_many_items"


class ZipDamaged(BadInput):
    code = "zip_damaged"


class ZipEncrypted(BadInput):
    code = "zip_encrypted"


class ZipTooManyEntries(BadInput):
    code = "zip_too_many_entries"


class ZipBomb(BadInput):
    code = "zip_bomb"


class ZipMethodUnknown(BadInput):
    code = "zip_method_unknown"


class NestedZip(BadInput):
    code = "nested_zip"


class ZipEntryDamaged(BadInput):
    code = "zip_entry_damaged"


class ItemQuarantined(Internal):
    code = "item_quarantined"


class ItemGone(AppError):
    code = "item_gone"
