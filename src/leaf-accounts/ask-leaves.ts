import { setTimeout as delay } from 'node:timers/promises';
import { createInbox, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { DomainError } from '#libs/kernel';
import { claimsUpdate, type ClaimsUpdateAnswer, CONTROL_INBOX_PREFIX, parseClaimsUpdateAnswer } from '#libs/nats';

/**
 * When the JWT is sent, in milliseconds: a link that has just come is deaf until its leaf has said what it listens to. To take the same
 * JWT again changes nothing.
 */
const SENT_AT = [0, 50, 250, 600];

/** How long the hub may take to take a message, in milliseconds. */
const HUB_TIMEOUT = 3_000;

/** How long leaves may take to answer, in milliseconds. Whoever is silent is asked again by the sweep. */
const PATIENCE = 1_000;

/**
 * Asks all leaves that can be reached over the control account to take over an account's JWT.
 *
 * @param connection in the tenant's control account
 * @param servers names of the servers whose answers are waited for
 * @returns those that have taken it over
 * @throws DomainError `hub_unreachable` (retryable)
 */
export async function askLeaves(
  connection: NatsConnection,
  account: { publicKey: string; jwt: string },
  servers: ReadonlySet<string>,
): Promise<Set<string>> {
  const { subject, payload } = claimsUpdate(account.jwt);
  const confirmed = new Set<string>();
  const all = new AbortController();
  const inbox = createInbox(CONTROL_INBOX_PREFIX);
  const subscription = connection.subscribe(inbox, {
    callback: (error, message) => {
      const answer = error === null ? answerOf(message) : undefined;
      if (answer?.accepted && answer.account === account.publicKey && servers.has(answer.serverName)) confirmed.add(answer.serverName);
      if (confirmed.size === servers.size) all.abort();
    },
  });
  try {
    for (const [index, at] of SENT_AT.entries()) {
      connection.publish(subject, payload, { reply: inbox });
      await taken(connection);
      await pause((SENT_AT[index + 1] ?? PATIENCE) - at, all.signal);
      if (all.signal.aborted) break;
    }
  } catch (cause) {
    throw new DomainError('hub_unreachable', 'The hub does not answer. Try again when it is back.', { cause, retryable: true });
  } finally {
    subscription.unsubscribe();
  }
  return confirmed;
}

/** @returns undefined for what is none: the hub says, without a body, that nobody listens; and a leaf is not to be trusted */
function answerOf({ data }: Msg): ClaimsUpdateAnswer | undefined {
  try {
    return parseClaimsUpdateAnswer(data);
  } catch {
    return undefined;
  }
}

/** Waits until the hub has what was sent: it hands that to each link before anything that comes later. */
async function taken(connection: NatsConnection): Promise<void> {
  const late = delay(HUB_TIMEOUT, true, { ref: false });
  if (await Promise.race([connection.flush().then(() => false), late])) throw new Error(`It was silent for ${HUB_TIMEOUT} ms.`);
}

/** Ends early when all have answered. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch(() => undefined);
}
