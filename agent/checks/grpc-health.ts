import { ChannelCredentials, Client, Metadata, type ServiceError } from '@grpc/grpc-js';
import { AgentError } from '../agent-error.js';
import { serviceOf } from '../gateway/wire.js';
import type { Checker } from './checker.js';
import { bracketed, endpointOf } from './tcp.js';

/** https://github.com/grpc/grpc-proto, grpc/health/v1/health.proto: the part that is asked. */
const HEALTH = `syntax = "proto3";
package grpc.health.v1;
message HealthCheckRequest { string service = 1; }
message HealthCheckResponse {
  enum ServingStatus { UNKNOWN = 0; NOT_SERVING = 1; SERVING = 2; SERVICE_UNKNOWN = 3; }
  ServingStatus status = 1;
}
service Health { rpc Check(HealthCheckRequest) returns (HealthCheckResponse); }`;

const STATUSES = ['UNKNOWN', 'NOT_SERVING', 'SERVING', 'SERVICE_UNKNOWN'];

/**
 * Whether a gRPC server says that it serves, or that `settings.service` does (gRPC Health Checking Protocol). With TLS when `settings.tls` is
 * `true`; `tls_verify` and `server_name` as in `http`.
 */
export const grpcHealth: Checker = async (check, { signal }) => {
  const { settings, timeout_sec: timeout } = check;
  const { host, port } = endpointOf(check);
  const { path, requestSerialize, responseDeserialize } = serviceOf(HEALTH, 'grpc.health.v1.Health').Check!;
  const name = settings.server_name && { 'grpc.ssl_target_name_override': settings.server_name };
  const client = new Client(`${bracketed(host)}:${port}`, credentialsOf(settings), { 'grpc.use_local_subchannel_pool': 1, ...(name || {}) });
  try {
    const { status } = await new Promise<{ status: number }>((resolve, reject) => {
      const answered = (error: ServiceError | null, answer?: object) => (error === null ? resolve(answer as { status: number }) : reject(new AgentError(error.details)));
      const options = { deadline: Date.now() + timeout * 1000 };
      const call = client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { service: settings.service ?? '' }, new Metadata(), options, answered);
      signal.addEventListener('abort', () => call.cancel(), { once: true });
    });
    const said = STATUSES[status] ?? String(status);
    if (said === 'SERVING') return { available: true, details: { status: said } };
    return { available: false, details: { status: said, error: `It says ${said} of ${JSON.stringify(settings.service ?? '')}.` } };
  } finally {
    client.close();
  }
};

function credentialsOf({ tls, tls_verify: verify }: Record<string, string>): ChannelCredentials {
  if (tls !== 'true') return ChannelCredentials.createInsecure();
  return ChannelCredentials.createSsl(null, null, null, { rejectUnauthorized: verify !== 'false' });
}
