from uuid import UUID

LOCAL_USER_ID = UUID("00000000-0000-7000-8000-000000000001")
"""The one user of `cutout dev`."""
