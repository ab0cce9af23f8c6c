import { readFileSync } from 'node:fs';
import type { ServiceDefinition } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import { AGENT_GATEWAY_PROTO } from '../../libs/contracts/index.js';

export interface ConfigAnswer {
  not_modified: boolean;
  config_version: string;
  heartbeat_interval_sec: number;
  config_poll_interval_sec: number;
  checks: CheckConfig[];
  config_json: Buffer;
}

/** A check as the gateway describes it. A field that was not sent is empty or 0. */
export interface CheckConfig {
  check_id: string;
  check_type: string;
  name: string;
  enabled: boolean;
  interval_sec: number;
  timeout_sec: number;
  target: string;
  port: number;
  path: string;
  method: string;
  settings: Record<string, string>;
  publish_results: boolean;
}

export interface ServiceStatus {
  service_name: string;
  available: boolean;
  /** JSON. */
  message: Buffer;
  service_type: string;
  /** Nanoseconds. */
  response_time: number;
  source: string;
  /** Not on the wire: what is told at once when it changes. */
  salient?: string;
}

export interface StatusRequest {
  services: ServiceStatus[];
  /** Unix seconds. */
  timestamp: number;
}

/** What the agent has collected. */
export interface Result {
  /** The same whenever it is sent again. */
  result_id: string;
  result_type: string;
  payload: Buffer;
  content_type: string;
  /** Unix seconds. */
  timestamp: number;
}

export interface RenewalAnswer {
  certificate_pem: string;
  ca_chain_pem: string;
  not_after: number;
}

/** The build puts the text of the file here; from the sources, it is read. */
declare const AGENT_GATEWAY_PROTO_TEXT: string | undefined;

/**
 * The methods of a service in a text of protobuf, for a gRPC client: names as they stand there, int64 as numbers, what was not sent as empty.
 * @param name with its package
 */
export function serviceOf(proto: string, name: string): ServiceDefinition {
  const { root } = protobuf.parse(proto, { keepCase: true });
  root.resolveAll();
  const service = root.lookupService(name);
  return Object.fromEntries(
    service.methodsArray.map(({ name: method, requestStream, responseStream, resolvedRequestType, resolvedResponseType }) => {
      const [asked, answered] = [codec(resolvedRequestType!), codec(resolvedResponseType!)];
      const definition = {
        path: `/${name}/${method}`,
        requestStream: requestStream ?? false,
        responseStream: responseStream ?? false,
        requestSerialize: asked.encode,
        requestDeserialize: asked.decode,
        responseSerialize: answered.encode,
        responseDeserialize: answered.decode,
      };
      return [method, definition];
    }),
  );
}

const codec = (type: protobuf.Type) => ({
  encode: (value: object): Buffer => Buffer.from(type.encode(type.fromObject(value)).finish()),
  decode: (bytes: Buffer): object => type.toObject(type.decode(bytes), { longs: Number, bytes: Buffer, defaults: true }) as object,
});

/** The gateway's service, as libs/contracts describes it. */
export const gatewayService = (): ServiceDefinition =>
  serviceOf(typeof AGENT_GATEWAY_PROTO_TEXT === 'string' ? AGENT_GATEWAY_PROTO_TEXT : readFileSync(AGENT_GATEWAY_PROTO, 'utf8'), 'proto.AgentGatewayService');
