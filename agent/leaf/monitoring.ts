import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { AgentError } from '../agent-error.js';

/** Bytes of an answer at most: a leaf with more streams than fit is no leaf of a site. */
const LARGEST = 8 * 1024 * 1024;

/** What the monitoring of a leaf says: https://docs.nats.io/running-a-nats-service/nats_admin/monitoring */
export interface Monitoring {
  healthz: Healthz;
  varz: Varz;
  leafz: Leafz;
  jsz: Jsz;
}

export interface Healthz {
  status?: string;
  error?: string;
}

export interface Varz {
  server_id?: string;
  version?: string;
  now?: string;
  start?: string;
  system_account?: string;
}

export interface Leafz {
  leafs?: { account?: string; rtt?: string; is_spoke?: boolean }[];
}

export interface Jsz {
  disabled?: boolean;
  messages?: number;
  bytes?: number;
  config?: { max_storage?: number; store_dir?: string };
  account_details?: { stream_detail?: { name: string; state: { messages: number; bytes: number; first_seq: number; last_seq: number } }[] }[];
}

/**
 * Asks a leaf all that is to be known of it.
 * @param url `http://127.0.0.1:8222`
 * @throws AgentError when it does not answer, or not as nats-server does
 */
export async function readMonitoring(url: string, signal: AbortSignal): Promise<Monitoring> {
  const healthz = await read<Healthz>(url, '/healthz', signal);
  const [varz, leafz, jsz] = await Promise.all([read<Varz>(url, '/varz', signal), read<Leafz>(url, '/leafz', signal), read<Jsz>(url, '/jsz?streams=1', signal)]);
  return { healthz, varz, leafz, jsz };
}

/** Unwell, it answers `/healthz` with 503, and JSON all the same. */
async function read<T>(url: string, path: string, signal: AbortSignal): Promise<T> {
  const from = new URL(path, url);
  const sent = get(from, { agent: false, signal });
  const [answer] = (await once(sent, 'response', { signal }).catch((error: unknown) => {
    throw new AgentError(`The leaf does not answer at ${from.href}: ${whyOf(error)}`, { cause: error });
  })) as [IncomingMessage];
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > LARGEST) throw new AgentError(`${from.href} answers with more than ${LARGEST} bytes.`);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as T;
  } catch {
    throw new AgentError(`${from.href} answers ${answer.statusCode} without JSON: this is not the monitoring of a nats-server.`);
  }
}

/** Names resolve to several addresses, and each fails in its own way. */
const whyOf = (error: unknown): string => {
  const { code, message, errors } = error as NodeJS.ErrnoException & { errors?: Error[] };
  return message || errors?.[0]?.message || code || 'it gave no reason';
};
