import { UniqueConstraintViolationException } from '@mikro-orm/postgresql';
import { DomainError } from '#libs/kernel';
import type { NatsLeafServer, SiteBuffer } from '#libs/model';
import { parseHostPort } from '#libs/nats';
import type { SiteChanges } from './site-changes.js';
import type { Dependent } from './site-dependents.js';

export function invalid(pointer: string, code: string, detail: string): DomainError {
  return new DomainError('validation_failed', detail, { errors: [{ pointer, code, detail }] });
}

/** A leaf that has less disk than its stream was made with drops the stream at its next start, with all that it buffers (2.10). */
export function refuseToShrinkBuffer(leaf: NatsLeafServer, { jetstreamMaxFileBytes: asked }: SiteChanges): void {
  if (asked === undefined || asked >= leaf.jetstreamMaxFileBytes || !leaf.connectedAt) return;
  const detail = `The leaf has buffered with ${leaf.jetstreamMaxFileBytes} bytes of disk. Less could lose what it holds: give it as much, or more.`;
  throw invalid('/jetstream_max_file_bytes', 'lowered', detail);
}

/** A list that a page can show; more than that nobody reads. */
const SHOWN = 100;

export function inUse(dependents: readonly Dependent[]): DomainError {
  const detail =
    `The site has ${dependents.length} packages. Revoke them first, or delete it with ?collectors=detach: ` +
    'its collectors then fall back to the hub, and its onboarding packages are revoked.';
  const errors = dependents.slice(0, SHOWN).map(({ kind, id, name }) => ({ pointer: '', code: kind, detail: `${name} (${id})` }));
  return new DomainError('site_in_use', detail, { errors });
}

const OR_DISCARD = 'or delete the site with ?buffered=discard, which lets go of what waits there';

export function hasBufferedMessages({ waitingMessages, waitingBytes, oldestAgeMs }: SiteBuffer): DomainError {
  const age = Math.round((oldestAgeMs ?? 0) / 1000);
  return new DomainError(
    'site_has_buffered_messages',
    `${waitingMessages} messages (${waitingBytes} bytes, the oldest ${age} s old) wait at the leaf. Wait until the hub has them, ${OR_DISCARD}.`,
    { retryable: true },
  );
}

/** @param last what the leaf held when it was last asked */
export function bufferUnknown({ linkId }: NatsLeafServer, last: SiteBuffer | undefined): DomainError {
  const lastKnown = last && `; when it was last asked, at ${last.measuredAt.toISOString()}, ${last.waitingMessages} messages did`;
  const detail =
    linkId == null
      ? `The leaf is not connected, and what waits there is not known${lastKnown ?? ''}. Let it connect, ${OR_DISCARD}.`
      : `The leaf does not say what waits there${lastKnown ?? ''}. Try again in a moment, ${OR_DISCARD}.`;
  return new DomainError('buffer_unknown', detail, { retryable: true });
}

export function checkPorts({ localListen, monitorPort }: NatsLeafServer): void {
  if (parseHostPort(localListen).port !== monitorPort) return;
  throw invalid('/monitor_port', 'port_taken', `The leaf listens for collectors on port ${monitorPort} already. Choose another monitor_port.`);
}

/** Uniqueness is the database's to decide; here it is put into words. */
export function explainConflict(error: unknown, slug: string, domain: string | undefined): unknown {
  if (!(error instanceof UniqueConstraintViolationException)) return error;
  return error.message.includes('nats_leaf_servers_domain_unique')
    ? new DomainError(
        'jetstream_domain_taken',
        `Another site of the tenant has the JetStream domain ${domain === undefined ? `edge-${slug}` : `"${domain}"`}. Choose another jetstream_domain.`,
      )
    : new DomainError('slug_taken', `A site with the slug "${slug}" exists already. Choose another slug.`);
}
