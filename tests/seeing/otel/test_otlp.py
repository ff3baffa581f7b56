"""Spans and metrics arrive, over HTTP, at a receiver that speaks OTLP."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from aiocrew.seeing.otel import instrument
from aiocrew.version import __version__
from tests.crew.scenes import one_task_crew
from tests.doubles import ScriptedModel
from tests.seeing.otel.traces import virtually


class Receiver:
    """Keeps what was sent to it."""

    def __init__(self) -> None:
        self.traces: list[ExportTraceServiceRequest] = []
        self.metrics: list[ExportMetricsServiceRequest] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                if self.path == "/v1/traces":
                    receiver.traces.append(ExportTraceServiceRequest.FromString(body))
                else:
                    receiver.metrics.append(ExportMetricsServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    @property
    def spans(self) -> dict[str, Any]:
        return {
            span.name: span
            for request in self.traces
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        thread.join()
        receiver.server.server_close()


@contextmanager
def exporting(url: str, **options: Any) -> Iterator[None]:
    """Send what is traced in the block to a receiver; all of it has arrived at the end of the block."""
    tracer_provider = TracerProvider(shutdown_on_exit=False)
    tracer_provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces")))
    exporter = OTLPMetricExporter(f"{url}/v1/metrics")
    meter_provider = MeterProvider([PeriodicExportingMetricReader(exporter)], shutdown_on_exit=False)
    try:
        with instrument(tracer_provider=tracer_provider, meter_provider=meter_provider, **options):
            yield
    finally:
        tracer_provider.shutdown()
        meter_provider.shutdown()


def attributes(thing: Any) -> dict[str, Any]:
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in thing.attributes}


def test_a_receiver_of_otlp_is_sent_spans_and_metrics() -> None:
    with receiving() as receiver, exporting(receiver.url, content=True):
        crew = one_task_crew(ScriptedModel("Tea \ud83d"), name="crew")
        virtually(crew.kickoff_async({"topic": "tea"}))

    run, agent, chat = (
        receiver.spans[name] for name in ("invoke_workflow crew", "invoke_agent Analyst", "chat ScriptedModel")
    )
    assert chat.parent_span_id == agent.span_id
    assert agent.parent_span_id == run.span_id
    assert run.parent_span_id == b""
    assert (chat.kind, agent.kind) == (chat.SPAN_KIND_CLIENT, agent.SPAN_KIND_INTERNAL)
    assert attributes(chat)["gen_ai.usage.input_tokens"] == 10
    assert attributes(chat)["gen_ai.operation.name"] == "chat"
    assert "tea" in attributes(chat)["gen_ai.input.messages"]
    assert chat.start_time_unix_nano >= run.start_time_unix_nano > 0
    scope = receiver.traces[0].resource_spans[0].scope_spans[0]
    assert (scope.scope.name, scope.scope.version) == ("aiocrew", __version__)
    assert scope.schema_url == "https://opentelemetry.io/schemas/1.41.0"

    sent = {
        metric.name: metric
        for request in receiver.metrics
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    assert sent["gen_ai.client.token.usage"].unit == "{token}"
    points = sent["gen_ai.client.token.usage"].histogram.data_points
    assert {attributes(point)["gen_ai.token.type"]: point.sum for point in points} == {"input": 10, "output": 5}
