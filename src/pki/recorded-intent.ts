import { isDeepStrictEqual } from 'node:util';
import { DomainError } from '#libs/kernel';
import type { Certificate, CertificateKind } from '#libs/model';
import type { CertificateIntent } from '#libs/pki';
import { CERTIFICATE_KINDS } from './certificate-kind.js';

/** An intent as the database keeps it: JSON, times as RFC 3339. */
type RecordedIntent = Record<string, unknown>;

/**
 * The columns that an intent fills. What is not a CA is the only thing that is issued here.
 * @throws DomainError `profile_violation`
 */
export function intentColumns(intent: CertificateIntent) {
  if (intent.isCa || !isEndEntity(intent.kind)) {
    throw new DomainError('profile_violation', `A certificate of the kind ${intent.kind} is not issued here.`);
  }
  return {
    kind: intent.kind,
    serialNumber: intent.serialNumber,
    commonName: intent.commonName ?? null,
    spiffeId: intent.spiffeId ?? null,
    notBefore: intent.notBefore,
    notAfter: intent.notAfter,
    intent: JSON.parse(JSON.stringify(intent)) as RecordedIntent,
  };
}

/**
 * Reads the intent of a row back, for signing.
 *
 * @param recorded the row, fresh from the database
 * @param intended the row as it was when the intent was made
 * @throws DomainError `profile_violation` when they differ, or the row's columns say something else than its intent
 */
export function intentOf(recorded: Certificate, intended: Certificate): CertificateIntent {
  const intent = {
    ...recorded.intent,
    notBefore: new Date(String(recorded.intent.notBefore)),
    notAfter: new Date(String(recorded.intent.notAfter)),
  } as CertificateIntent;
  const stated = intentColumns(intent);
  for (const column of Object.keys(stated) as (keyof typeof stated)[]) {
    const agreed = same(recorded[column], stated[column]) && same(recorded[column], intended[column]);
    if (!agreed) throw changed(recorded, column);
  }
  if (recorded.issuerId !== intended.issuerId) throw changed(recorded, 'issuerId');
  return intent;
}

const isEndEntity = (kind: string): kind is CertificateKind => (CERTIFICATE_KINDS as string[]).includes(kind);

/** JSON leaves out what is undefined, and the database says null for it. */
const same = (one: unknown, other: unknown) => isDeepStrictEqual(one ?? null, other ?? null);

function changed({ id }: Certificate, column: string): DomainError {
  return new DomainError('profile_violation', 'The intent on record is not the one that was made. It is not signed.', {
    context: { certificate: id, column },
  });
}
