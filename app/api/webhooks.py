"""`/api/webhooks…`: endpoints, their secrets, deliveries and what became of them."""

from uuid import UUID

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.api.auth import current_user
from app.api.documents import (
    AttemptDocument,
    DeliveryDetails,
    DeliveryDocument,
    EndpointDocument,
    EndpointsDocument,
    NewEndpointDocument,
    SecretDocument,
)
from app.api.files import NO_STORE
from app.api.params import ListQuery, NoParams, Params, parse, path_id, query, read_body
from app.api.schemas import page_json, time_json
from app.api.state import State
from app.webhooks.types import (
    MAX_DESCRIPTION,
    Attempt,
    Delivery,
    DeliveryState,
    Endpoint,
    EndpointChange,
    WebhookEvent,
)


class NewEndpoint(Params):
    url: str
    events: tuple[WebhookEvent, ...] = ()
    """Empty: all of them."""
    description: str = Field("", max_length=MAX_DESCRIPTION)


class DeliveriesQuery(ListQuery):
    endpoint_id: UUID | None = None
    job_id: UUID | None = None
    batch_id: UUID | None = None
    state: DeliveryState | None = None


async def create(request: Request[State]) -> Response:
    """201 with the endpoint and, this once, its secret."""
    user = current_user(request)
    async with read_body(request) as body:
        wanted = parse(NewEndpoint, body.values)
    endpoint, secret = await request.state["webhooks"].create(user, **dict(wanted))
    document: NewEndpointDocument = {**endpoint_json(endpoint), "secret": secret.secret}
    return JSONResponse(document, 201, {"Location": _endpoint_url(endpoint.id), **NO_STORE})


async def list_endpoints(request: Request[State]) -> Response:
    user = current_user(request)
    query(NoParams, request)
    found = await request.state["webhooks"].list(user)
    document: EndpointsDocument = {"items": [endpoint_json(each) for each in found]}
    return JSONResponse(document, headers=NO_STORE)


async def get_endpoint(request: Request[State]) -> Response:
    user = current_user(request)
    query(NoParams, request)
    endpoint = await request.state["webhooks"].get(user, path_id(request, "endpoint_id"))
    return JSONResponse(endpoint_json(endpoint), headers=NO_STORE)


async def change_endpoint(request: Request[State]) -> Response:
    user = current_user(request)
    async with read_body(request) as body:
        change = parse(EndpointChange, body.values)
    endpoint = await request.state["webhooks"].change(user, path_id(request, "endpoint_id"), change)
    return JSONResponse(endpoint_json(endpoint), headers=NO_STORE)


async def delete_endpoint(request: Request[State]) -> Response:
    user = current_user(request)
    query(NoParams, request)
    await request.state["webhooks"].delete(user, path_id(request, "endpoint_id"))
    return Response(status_code=204)


async def rotate_secret(request: Request[State]) -> Response:
    """The new secret, this once; the one before it signs as well for a day."""
    return await _rotated(request, path_id(request, "endpoint_id"))


async def rotate_job_secret(request: Request[State]) -> Response:
    """The same for the `webhook_url` of single jobs."""
    return await _rotated(request, None)


async def test_endpoint(request: Request[State]) -> Response:
    """202 with a delivery that is on its way."""
    user = current_user(request)
    query(NoParams, request)
    delivery = await request.state["webhooks"].test(user, path_id(request, "endpoint_id"))
    return JSONResponse(delivery_json(delivery), 202, NO_STORE)


async def list_deliveries(request: Request[State]) -> Response:
    user = current_user(request)
    wanted = query(DeliveriesQuery, request)
    page = await request.state["webhooks"].deliveries(user, **dict(wanted))
    return JSONResponse(page_json(page, [delivery_json(each) for each in page.items]), headers=NO_STORE)


async def get_delivery(request: Request[State]) -> Response:
    """With the payload and every attempt."""
    user = current_user(request)
    query(NoParams, request)
    delivery, attempts = await request.state["webhooks"].delivery(user, path_id(request, "delivery_id"))
    document: DeliveryDetails = {
        **delivery_json(delivery),
        "payload": delivery.payload,
        "attempts": [_attempt_json(each) for each in attempts],
    }
    return JSONResponse(document, headers=NO_STORE)


async def redeliver(request: Request[State]) -> Response:
    user = current_user(request)
    query(NoParams, request)
    delivery = await request.state["webhooks"].redeliver(user, path_id(request, "delivery_id"))
    return JSONResponse(delivery_json(delivery), 202, NO_STORE)


async def _rotated(request: Request[State], endpoint_id: UUID | None) -> Response:
    user = current_user(request)
    query(NoParams, request)
    secret = await request.state["webhooks"].rotate_secret(user, endpoint_id)
    document: SecretDocument = {"secret": secret.secret}
    return JSONResponse(document, headers=NO_STORE)


def endpoint_json(endpoint: Endpoint) -> EndpointDocument:
    here = _endpoint_url(endpoint.id)
    return {
        "id": str(endpoint.id),
        "url": endpoint.url,
        "events": list(endpoint.events),
        "description": endpoint.description,
        "enabled": endpoint.disabled_at is None,
        "disabled_at": time_json(endpoint.disabled_at),
        "disabled_reason": endpoint.disabled_reason,
        "failing_since": time_json(endpoint.failing_since),
        "created_at": time_json(endpoint.created_at),
        "urls": {
            "self": here,
            "rotate_secret": f"{here}/rotate-secret",
            "test": f"{here}/test",
            "deliveries": f"/api/webhooks/deliveries?endpoint_id={endpoint.id}",
        },
    }


def delivery_json(delivery: Delivery) -> DeliveryDocument:
    here = f"/api/webhooks/deliveries/{delivery.id}"
    return {
        "id": str(delivery.id),
        "endpoint_id": _text(delivery.endpoint_id),
        "job_id": _text(delivery.job_id),
        "batch_id": _text(delivery.batch_id),
        "event": delivery.event,
        "url": delivery.url,
        "state": delivery.state,
        "attempt_count": delivery.attempts,
        "next_at": time_json(delivery.next_at) if delivery.state == "pending" else None,
        "created_at": time_json(delivery.created_at),
        "delivered_at": time_json(delivery.delivered_at),
        "urls": {"self": here, "redeliver": f"{here}/redeliver"},
    }


def _attempt_json(attempt: Attempt) -> AttemptDocument:
    return {
        "number": attempt.number,
        "status": attempt.status,
        "ms": attempt.ms,
        "error": attempt.error,
        "started_at": time_json(attempt.started_at),
    }


def _endpoint_url(endpoint_id: UUID) -> str:
    return f"/api/webhooks/{endpoint_id}"


def _text(value: UUID | None) -> str | None:
    return str(value) if value else None
