import { DomainError } from '#libs/kernel';

const BEGIN = '-----BEGIN CERTIFICATE-----';
const END = '-----END CERTIFICATE-----';
const BODY = /^\s[A-Za-z0-9+/=\s]+$/;

/** PEM of RFC 7468: lines of 64 characters, a newline at the end. */
export function encodePem(label: string, der: Uint8Array): string {
  const lines = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** The certificates of a PEM text in their order, each in PEM of its own. Text between them, and blocks of another label, are passed over. */
export function splitChain(pem: string): string[] {
  return decodeCertificates(pem).map((der) => encodePem('CERTIFICATE', der));
}

/** One PEM text of several, in their order (for TLS: the end entity's first, RFC 8446, section 4.4.2), each certificate once. */
export function joinChain(...pems: readonly string[]): string {
  return [...new Set(pems.flatMap(splitChain))].join('');
}

/**
 * The DER of the one certificate in a PEM text.
 * @throws DomainError `malformed_request` when it holds none, or more than one.
 */
export function decodeCertificate(pem: string): Buffer {
  const [der, another] = decodeCertificates(pem);
  if (!der || another) {
    throw new DomainError('malformed_request', `One certificate in PEM is expected, and ${another ? 'there are several' : 'there is none'}.`);
  }
  return der;
}

/** Goes through the text once, whatever it holds: one expression for begin, body and end would take the square of a hostile text's length, or more. */
function decodeCertificates(pem: string): Buffer[] {
  const bodies = pem.split(END).slice(0, -1).flatMap((before) => (before.includes(BEGIN) ? before.slice(before.lastIndexOf(BEGIN) + BEGIN.length) : []));
  return bodies.filter((body) => BODY.test(body) && body.trim() !== '').map((body) => Buffer.from(body, 'base64'));
}
