import { fileURLToPath } from 'node:url';

/** The file that describes the gateway's wire, which agents are built from. */
export const AGENT_GATEWAY_PROTO = fileURLToPath(new URL('agent_gateway.proto', import.meta.url));

/** What an agent says of itself. A field that was not sent is empty. */
export interface AgentHello {
  agent_id: string;
  version: string;
  hostname: string;
  os: string;
  arch: string;
  partition: string;
  config_version: string;
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
