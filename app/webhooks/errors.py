from app.errors import Conflict, NotFound


class WebhookNotFound(NotFound):
    """No such endpoint, or not yours."""

    code = "webhook_not_found"


class DeliveryNotFound(NotFound):
    """No such delivery, or not yours."""

    code = "delivery_not_found"


class TooManyWebhooks(Conflict):
    code = "too_many_webhooks"


class WebhookDisabled(Conflict):
    """Enable the endpoint first; nothing is sent to it meanwhile."""

    code = "webhook_disabled"
