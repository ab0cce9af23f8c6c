import { createHash } from 'node:crypto';
import { jetstream } from '@nats-io/jetstream';
import { headers, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { Injectable } from '@nestjs/common';
import type { AgentResult } from '#libs/contracts';
import { DomainError } from '#libs/kernel';
import { agentResultSubject } from '#libs/nats';
import { TenantConnections } from '../nats/index.js';
import { domainErrorOf } from '../platform/problem/index.js';
import { type AgentPeer, assertSelf } from './agent-peer.js';
import { PublishedResults } from './published-results.js';
import { RESULT_MAX } from './result-assembly.js';

/** How long the hub may take to store a message, in milliseconds. */
const STORE_LIMIT = 5_000;

/** Of a message, what headers and subject take at most, in bytes. */
const HEADERS_MAX = 4 * 1024;

const ID = /^[!-~]{1,128}$/;
const TYPE = /^[A-Za-z0-9_-]{1,64}$/;
const CONTENT_TYPE = /^[ -~]{0,128}$/;

/** Hands on what agents have collected: into the stream of their tenant, at the hub. */
@Injectable()
export class AgentResults {
  constructor(
    private readonly connections: TenantConnections,
    private readonly published: PublishedResults,
  ) {}

  /**
   * Publishes a result, unless it has been already. Resolves when the hub's stream has it.
   * @throws DomainError `forbidden`, `validation_failed`, `too_large`; `illegal_transition` when the agent has never said hello;
   *   `hub_unreachable`, and `unavailable` while there is no stream that takes it
   */
  async publish(peer: AgentPeer, result: AgentResult): Promise<void> {
    check(peer, result);
    const named = { peer, resultId: result.result_id };
    if (await this.published.has(named)) return;
    await this.connections.use(peer.tenantId, 'agent-results', (connection) => send(connection, peer, result)).catch((cause: unknown) => {
      const error = domainErrorOf(cause);
      throw error.code === 'internal' ? notReached(cause) : error;
    });
    await this.published.add(named);
  }

  /** @throws DomainError as `publish`, of what can be said by a result's first piece */
  check(peer: AgentPeer, result: AgentResult): void {
    check(peer, result);
  }
}

function check(peer: AgentPeer, result: AgentResult): void {
  assertSelf(peer, result);
  const refuse = (field: string, rule: string) => new DomainError('validation_failed', `${field} is not valid: ${rule}`);
  if (!ID.test(result.result_id)) throw refuse('result_id', '1 to 128 visible ASCII characters.');
  if (!TYPE.test(result.result_type)) throw refuse('result_type', '1 to 64 letters, digits, dashes and underscores.');
  if (!CONTENT_TYPE.test(result.content_type)) throw refuse('content_type', 'at most 128 ASCII characters without control characters.');
  if (result.payload.length > RESULT_MAX) throw new DomainError('too_large', `A result has ${RESULT_MAX} bytes at most.`);
}

/** What is larger than a message goes out in several, which say so. */
async function send(connection: NatsConnection, peer: AgentPeer, result: AgentResult): Promise<void> {
  const subject = agentResultSubject(peer.site, result.result_type);
  const size = connection.info!.max_payload - HEADERS_MAX;
  const total = Math.max(1, Math.ceil(result.payload.length / size));
  for (let index = 0; index < total; index++) {
    const options = { msgID: messageId(peer, result, index), headers: headersOf(peer, result, { index, total }), timeout: STORE_LIMIT };
    const piece = result.payload.subarray(index * size, (index + 1) * size);
    await jetstream(connection, { checkAPI: false }).publish(subject, piece, options).catch((cause: unknown) => {
      throw notStored(cause);
    });
  }
}

function headersOf(peer: AgentPeer, { result_id, content_type, timestamp }: AgentResult, { index, total }: { index: number; total: number }): MsgHdrs {
  const made = headers();
  made.set('Agent-Id', peer.agentId);
  made.set('Result-Id', result_id);
  if (content_type !== '') made.set('Content-Type', content_type);
  if (timestamp > 0) made.set('Result-Time', String(timestamp));
  if (total > 1) made.set('Result-Piece', `${index + 1}/${total}`);
  return made;
}

/** The stream drops the same one that comes again at once, as when two gateways are sent it. */
const messageId = ({ edgeSiteId, agentId }: AgentPeer, { result_id }: AgentResult, index: number) =>
  createHash('sha256').update(JSON.stringify([edgeSiteId, agentId, result_id, index])).digest('base64url');

const notReached = (cause: unknown) => new DomainError('hub_unreachable', 'The hub cannot be reached right now. Try again.', { cause, retryable: true });

/** Nobody answers where no stream stores the subject. */
function notStored(cause: unknown): DomainError {
  const isTaken = cause instanceof Error && /no ?responders|503/i.test(`${cause.name} ${cause.message}`);
  const message = isTaken
    ? 'The tenant has no stream for results yet: it is made when a leaf of the tenant first connects. Try again.'
    : 'The hub did not store the result. Try again.';
  return new DomainError('unavailable', message, { cause, retryable: true });
}
