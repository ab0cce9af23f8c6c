import { fileURLToPath } from 'node:url';

/** The file that describes the gateway's wire, which agents are built from. */
export const AGENT_GATEWAY_PROTO = fileURLToPath(new URL('agent_gateway.proto', import.meta.url));

/** What an agent says of itself. A field that was not sent is empty. */
export interface AgentHello {
  agent_id: string;
  version: string;
  capabilities: string[];
  hostname: string;
  os: string;
  arch: string;
  partition: string;
  config_version: string;
  labels: Record<string, string>;
  config_source: string;
}

export interface AgentHelloAnswer {
  accepted: boolean;
  agent_id: string;
  message: string;
  gateway_id: string;
  /** Unix seconds. */
  server_time: number;
  heartbeat_interval_sec: number;
  config_outdated: boolean;
}

/** What messages say of their sender, if anything. */
export interface AgentSelf {
  agent_id: string;
  /** The slug of the agent's site. */
  partition: string;
}

export interface AgentServiceStatus extends AgentSelf {
  service_name: string;
  available: boolean;
  /** A JSON object. */
  message: Uint8Array;
  service_type: string;
  /** Nanoseconds. */
  response_time: number;
}

export interface AgentStatuses extends AgentSelf {
  services: AgentServiceStatus[];
}

/** Where a piece of something stands in the whole. */
export interface ChunkPlace {
  /** From 0. */
  chunk_index: number;
  total_chunks: number;
  is_final: boolean;
}

export interface AgentStatusChunk extends AgentStatuses, ChunkPlace {}

export interface AgentResult extends AgentSelf {
  result_id: string;
  result_type: string;
  payload: Uint8Array;
  content_type: string;
  /** Unix seconds. */
  timestamp: number;
}

export interface AgentResultChunk extends AgentResult, ChunkPlace {}

export interface AgentReceipt {
  received: boolean;
}

/** What an agent can check. `nats_leaf` it does of itself: each agent watches the leaf of its site. */
export const CHECK_TYPES = ['nats_leaf', 'tcp', 'http', 'icmp', 'process', 'grpc'] as const;

export type CheckType = (typeof CHECK_TYPES)[number];

/** An agent asks what it is to do. `config_version` is empty when it has no configuration. */
export interface AgentConfigRequest {
  agent_id: string;
  config_version: string;
}

/** What an agent is to do. With `not_modified`, it has that already, and only the version and the intervals are said. */
export interface AgentConfigAnswer {
  not_modified: boolean;
  config_version: string;
  /** Unix seconds. */
  config_timestamp: number;
  heartbeat_interval_sec: number;
  config_poll_interval_sec: number;
  checks: AgentCheck[];
}

/** One thing that an agent looks at every `interval_sec`. What a type has no use for is empty. */
export interface AgentCheck {
  check_id: string;
  check_type: CheckType;
  name: string;
  enabled: boolean;
  interval_sec: number;
  timeout_sec: number;
  target: string;
  port: number;
  path: string;
  method: string;
  settings: Record<string, string>;
  /** What it finds each time is to be pushed as a result, too. */
  publish_results: boolean;
}

/** An agent asks for a new certificate. */
export interface CertificateRenewal extends AgentSelf {
  /** PKCS #10 in DER. */
  csr: Uint8Array;
}

export interface CertificateRenewalAnswer {
  certificate_pem: string;
  ca_chain_pem: string;
  /** Unix seconds. */
  not_after: number;
}

/** What the check `nats_leaf` finds, as the message of its status; its `available` is whether the leaf answers and says that it is well. */
export interface LeafFindings {
  /** What `/healthz` answers: `ok`, or what is wrong. */
  healthz: string;
  /** Whether the leaf is connected upstream. */
  upstream_connected: boolean;
  /** Of the connection upstream, in milliseconds. */
  rtt_ms: number | null;
  server_version: string | null;
  server_id: string | null;
  uptime_seconds: number | null;
  /** What the leaf keeps, in all its streams. */
  buffered_messages: number | null;
  buffered_bytes: number | null;
  /** What it may keep. */
  buffer_max_bytes: number | null;
  streams: { name: string; messages: number; bytes: number; first_seq: number; last_seq: number }[];
  disk_free_bytes: number | null;
  disk_total_bytes: number | null;
  /** Of the files that the leaf runs with, as `config_checksum`: SHA-256, in hex. */
  config_checksum: string | null;
  /** Why there is nothing to tell, where there is not. */
  error: string | null;
}
