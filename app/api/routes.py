"""Every path of DESIGN §9 that this version answers."""

from starlette.routing import BaseRoute, Route

from app.api import health, images, jobs, models, pages, segment, webhooks

ROUTES: list[BaseRoute] = [
    Route("/", pages.home),
    Route("/process/background-removal-v2", pages.home),
    Route("/healthz", health.healthz),
    Route("/readyz", health.readyz),
    Route("/api/segment/encode", segment.encode, methods=["POST"]),
    Route("/api/segment/apply-mask", segment.apply_mask, methods=["POST"]),
    Route("/api/segment/decode", segment.decode, methods=["POST"]),
    Route("/api/segment/remove", segment.remove, methods=["POST"]),
    Route("/api/jobs", jobs.list_jobs),
    Route("/api/jobs/{job_id:uuid}", jobs.get_job),
    Route("/api/jobs/{job_id:uuid}/cancel", jobs.cancel_job, methods=["POST"]),
    Route("/api/jobs/{job_id:uuid}/result", jobs.job_result),
    Route("/api/images", images.list_images),
    Route("/api/images/{image_id:uuid}", images.get_image, methods=["GET"]),
    Route("/api/images/{image_id:uuid}", images.delete_image, methods=["DELETE"]),
    Route("/api/images/{image_id:uuid}/working", images.working_image),
    Route("/api/images/{image_id:uuid}/embedding", images.embedding),
    Route("/api/images/{image_id:uuid}/auto-mask", images.auto_mask),
    Route("/api/webhooks", webhooks.list_endpoints, methods=["GET"]),
    Route("/api/webhooks", webhooks.create, methods=["POST"]),
    Route("/api/webhooks/rotate-secret", webhooks.rotate_job_secret, methods=["POST"]),
    Route("/api/webhooks/deliveries", webhooks.list_deliveries),
    Route("/api/webhooks/deliveries/{delivery_id:uuid}", webhooks.get_delivery),
    Route("/api/webhooks/deliveries/{delivery_id:uuid}/redeliver", webhooks.redeliver, methods=["POST"]),
    Route("/api/webhooks/{endpoint_id:uuid}", webhooks.get_endpoint, methods=["GET"]),
    Route("/api/webhooks/{endpoint_id:uuid}", webhooks.change_endpoint, methods=["PATCH"]),
    Route("/api/webhooks/{endpoint_id:uuid}", webhooks.delete_endpoint, methods=["DELETE"]),
    Route("/api/webhooks/{endpoint_id:uuid}/rotate-secret", webhooks.rotate_secret, methods=["POST"]),
    Route("/api/webhooks/{endpoint_id:uuid}/test", webhooks.test_endpoint, methods=["POST"]),
    Route("/models/manifest.json", models.manifest),
    Route("/models/files/{sha256}", models.model_file),
]
