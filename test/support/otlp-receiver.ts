import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A span as it comes in OTLP's JSON, its attributes in short. */
export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  attributes: Record<string, unknown>;
  status: { code?: number };
  resource: Record<string, unknown>;
}

type Attributes = { key: string; value: Record<string, unknown> }[];

interface Body {
  resourceSpans: { resource: { attributes: Attributes }; scopeSpans: { spans: (Omit<ReceivedSpan, 'attributes' | 'resource'> & { attributes: Attributes })[] }[] }[];
}

const inShort = (attributes: Attributes) => Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

/** Takes traces as an OpenTelemetry collector does (OTLP/HTTP, JSON), and keeps them. */
export async function startOtlpReceiver() {
  const requests: { url: string | undefined; headers: IncomingHttpHeaders; body: string }[] = [];
  const take = async (request: IncomingMessage) => {
    requests.push({ url: request.url, headers: request.headers, body: await text(request) });
    return receiver.status;
  };
  const server = createServer((request, response) => {
    void take(request).then((status) => response.writeHead(status, { 'content-type': 'application/json' }).end('{}'));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** What it answers. */
    status: 200,
    requests,
    spans: (): ReceivedSpan[] =>
      requests.flatMap(({ body }) =>
        (JSON.parse(body) as Body).resourceSpans.flatMap(({ resource, scopeSpans }) =>
          scopeSpans.flatMap(({ spans }) => spans.map((span) => ({ ...span, attributes: inShort(span.attributes), resource: inShort(resource.attributes) }))),
        ),
      ),
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  return receiver;
}

export type OtlpReceiver = Awaited<ReturnType<typeof startOtlpReceiver>>;
