import { DomainError } from '#libs/kernel';

/** Milliseconds from one certificate to the next one that a component may ask for. */
const PAUSE = 60 * 60 * 1000;

/** The part of its life after which a certificate may be renewed. */
const PART = 1 / 3;

/** A certificate as far as its renewal is concerned. */
export interface Renewable {
  id: string;
  issuerId: string;
  createdAt: Date;
  notBefore: Date;
  notAfter: Date;
  /** SubjectPublicKeyInfo in DER. */
  publicKey: Buffer;
}

export interface RenewalInput {
  /** What the component shows. */
  shown: Renewable;
  /** The newest that is good and that its package has; `shown` when there is none after it. */
  newest: Renewable;
  /** The one that is asked for: its key, the CA that would sign it, and when it would end. */
  wanted: { publicKey: Buffer; issuerId: string; notAfter: Date };
  now: Date;
}

/**
 * Whether a component that asks for a certificate gets a new one (`issue`), or again the one that it was made for this key and has not shown yet,
 * since the answer was lost (`again`). Nobody gathers certificates: one an hour, and none early in the life of the one before. A
 * certificate of a CA that signs no more may be renewed at any time.
 *
 * @throws DomainError `malformed_request` for the key that it has already; `illegal_transition` when it is not time, with when it is, and when
 * the new certificate would be of the same CA and end no later
 */
export function renewalStep({ shown, newest, wanted, now }: RenewalInput): 'issue' | 'again' {
  if (wanted.publicKey.equals(shown.publicKey)) {
    throw new DomainError('malformed_request', 'The certificate that is shown is of this key already. Make a new key, and a request for that.');
  }
  if (newest.id !== shown.id && wanted.publicKey.equals(newest.publicKey)) return 'again';
  const [begin, end] = [shown.notBefore.getTime(), shown.notAfter.getTime()];
  const due = shown.issuerId === wanted.issuerId ? begin + PART * (end - begin) : begin;
  const from = new Date(newest.id === shown.id ? due : Math.max(due, newest.createdAt.getTime() + PAUSE));
  if (now < from) throw refusal(`it can be renewed from ${from.toISOString()}`);
  if (shown.issuerId === wanted.issuerId && wanted.notAfter <= shown.notAfter) throw refusal('a new one would end no later, as its CA ends then');
  return 'issue';
}

const refusal = (why: string) => new DomainError('illegal_transition', `The certificate is not renewed now: ${why}. Go on with the one that you have.`);
